package dev.narrow.kernels;

import org.jspecify.annotations.Nullable;

/**
 * What is done to the sums of a product before they are stored: see {@link Matmul}.
 *
 * @param bias a value for each column, or null
 * @param biasOffset index of the bias of column 0
 */
@SuppressWarnings("ArrayRecordComponent") // a view, never compared
record Epilogue(
    float alpha, float beta, float @Nullable [] bias, int biasOffset, Activation activation) {
  static final Epilogue NONE = new Epilogue(1f, 0f, null, 0, Activation.NONE);

  /** Adds the sums to what is there. */
  static final Epilogue ADD = new Epilogue(1f, 1f, null, 0, Activation.NONE);

  /** The same for the columns from one on. */
  Epilogue from(int column) {
    return bias == null || column == 0
        ? this
        : new Epilogue(alpha, beta, bias, biasOffset + column, activation);
  }

  /**
   * The value to be stored.
   *
   * @param sum the element of the product
   * @param old what the output holds; not looked at where beta is 0
   */
  float apply(float sum, int column, float old) {
    float value = alpha == 1f ? sum : alpha * sum;
    if (bias != null) {
      value += bias[biasOffset + column];
    }
    if (beta != 0) {
      value = Math.fma(beta, old, value);
    }
    value = ScalarKernels.canonical(value);
    return switch (activation) {
      case NONE -> value;
      case RELU -> value <= 0 ? 0f : value;
      case GELU -> Activations.gelu(value);
    };
  }
}
