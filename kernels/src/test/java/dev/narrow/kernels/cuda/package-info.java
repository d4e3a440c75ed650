/** Tests of CUDA without a GPU: on an emulated device, or on what is shipped. */
@NullMarked
package dev.narrow.kernels.cuda;

import org.jspecify.annotations.NullMarked;
