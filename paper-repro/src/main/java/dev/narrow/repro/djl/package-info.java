/**
 * DJL's own published examples, trained as they are and under policies: {@link
 * dev.narrow.repro.djl.DjlExamples}. It needs DJL and the native library of PyTorch.
 */
package dev.narrow.repro.djl;
