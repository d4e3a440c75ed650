/**
 * The same operations on a GPU, with the same bits: {@link dev.narrow.kernels.cuda.CudaDevice} is
 * the way in, and {@link dev.narrow.kernels.cuda.Cuda#probe} says whether there is one.
 *
 * <p>It takes NVIDIA's driver (12.0 or later), a GPU of compute capability 7.5 or higher, and
 * {@code org.jcuda:jcuda} with {@code org.jcuda:jcuda-natives} (linux-x86_64) on the class path, or
 * as modules with {@code --add-modules jcuda}; and {@code --enable-native-access} for this module.
 * Without them programs go on with the processor, and are told why.
 *
 * <p>System properties: {@code dev.narrow.cuda.library} names the driver's library ({@code
 * libcuda.so.1}); {@code dev.narrow.cuda.trace}, {@code true}, has what is not closed named with
 * the place where it was opened.
 */
package dev.narrow.kernels.cuda;
