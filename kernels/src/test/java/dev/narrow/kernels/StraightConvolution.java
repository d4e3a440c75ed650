package dev.narrow.kernels;

/**
 * The definition of {@link Convolutions}, as straight loops: what the fast implementation is
 * compared with, bit for bit.
 */
record StraightConvolution(
    Convolution how,
    int samples,
    int channels,
    int height,
    int width,
    int outputs,
    int kh,
    int kw) {

  int oh() {
    return how.outputHeight(height, kh);
  }

  int ow() {
    return how.outputWidth(width, kw);
  }

  int inputSize() {
    return samples * channels * height * width;
  }

  int weightSize() {
    return outputs * (channels / how.groups()) * kh * kw;
  }

  int outputSize() {
    return samples * outputs * oh() * ow();
  }

  private float input(float[] x, int n, int c, int iy, int ix) {
    return iy < 0 || iy >= height || ix < 0 || ix >= width
        ? 0f
        : x[((n * channels + c) * height + iy) * width + ix];
  }

  private int weightIndex(int o, int c, int ky, int kx) {
    return ((o * (channels / how.groups()) + c) * kh + ky) * kw + kx;
  }

  private int outputIndex(int n, int o, int oy, int ox) {
    return ((n * outputs + o) * oh() + oy) * ow() + ox;
  }

  /** y, without bias where that is empty. */
  float[] forward(float[] x, float[] weight, float[] bias) {
    float[] y = new float[outputSize()];
    for (int n = 0; n < samples; n++) {
      for (int o = 0; o < outputs; o++) {
        for (int oy = 0; oy < oh(); oy++) {
          for (int ox = 0; ox < ow(); ox++) {
            float sum = output(x, weight, n, o, oy, ox);
            y[outputIndex(n, o, oy, ox)] =
                ScalarKernels.canonical(bias.length == 0 ? sum : sum + bias[o]);
          }
        }
      }
    }
    return y;
  }

  private float output(float[] x, float[] weight, int n, int o, int oy, int ox) {
    int group = o / (outputs / how.groups());
    float sum = 0f;
    for (int c = 0; c < channels / how.groups(); c++) {
      for (int ky = 0; ky < kh; ky++) {
        for (int kx = 0; kx < kw; kx++) {
          int iy = oy * how.strideY() - how.paddingY() + ky * how.dilationY();
          int ix = ox * how.strideX() - how.paddingX() + kx * how.dilationX();
          float value = input(x, n, group * (channels / how.groups()) + c, iy, ix);
          sum = Math.fma(weight[weightIndex(o, c, ky, kx)], value, sum);
        }
      }
    }
    return sum;
  }

  float[] backwardInput(float[] weight, float[] dy) {
    float[] dx = new float[inputSize()];
    int i = 0;
    for (int n = 0; n < samples; n++) {
      for (int c = 0; c < channels; c++) {
        for (int iy = 0; iy < height; iy++) {
          for (int ix = 0; ix < width; ix++) {
            dx[i++] = ScalarKernels.canonical(input(weight, dy, n, c, iy, ix));
          }
        }
      }
    }
    return dx;
  }

  private float input(float[] weight, float[] dy, int n, int c, int iy, int ix) {
    int perGroup = outputs / how.groups();
    int group = c / (channels / how.groups());
    float sum = 0f;
    for (int o = group * perGroup; o < (group + 1) * perGroup; o++) {
      for (int ky = 0; ky < kh; ky++) {
        for (int kx = 0; kx < kw; kx++) {
          int y = iy + how.paddingY() - ky * how.dilationY();
          int x = ix + how.paddingX() - kx * how.dilationX();
          if (y % how.strideY() == 0 && x % how.strideX() == 0) {
            int oy = y / how.strideY();
            int ox = x / how.strideX();
            boolean exists = oy >= 0 && oy < oh() && ox >= 0 && ox < ow();
            float gradient = exists ? dy[outputIndex(n, o, oy, ox)] : 0f;
            float w = weight[weightIndex(o, c % (channels / how.groups()), ky, kx)];
            sum = Math.fma(w, gradient, sum);
          }
        }
      }
    }
    return sum;
  }

  float[] backwardWeight(float[] x, float[] dy) {
    float[] dweight = new float[weightSize()];
    for (int o = 0; o < outputs; o++) {
      for (int c = 0; c < channels / how.groups(); c++) {
        for (int ky = 0; ky < kh; ky++) {
          for (int kx = 0; kx < kw; kx++) {
            dweight[weightIndex(o, c, ky, kx)] =
                ScalarKernels.canonical(weight(x, dy, o, c, ky, kx));
          }
        }
      }
    }
    return dweight;
  }

  private float weight(float[] x, float[] dy, int o, int c, int ky, int kx) {
    int channel = o / (outputs / how.groups()) * (channels / how.groups()) + c;
    float total = 0f;
    float run = 0f;
    int terms = 0;
    for (int n = 0; n < samples; n++) {
      for (int oy = 0; oy < oh(); oy++) {
        for (int ox = 0; ox < ow(); ox++) {
          if (terms > 0 && terms % 1024 == 0) {
            total = terms == 1024 ? run : total + run;
            run = 0f;
          }
          int iy = oy * how.strideY() - how.paddingY() + ky * how.dilationY();
          int ix = ox * how.strideX() - how.paddingX() + kx * how.dilationX();
          run = Math.fma(input(x, n, channel, iy, ix), dy[outputIndex(n, o, oy, ox)], run);
          terms++;
        }
      }
    }
    return terms <= 1024 ? run : total + run;
  }

  float[] backwardBias(float[] dy) {
    float[] dbias = new float[outputs];
    int plane = oh() * ow();
    for (int o = 0; o < outputs; o++) {
      for (int n = 0; n < samples; n++) {
        dbias[o] += ScalarKernels.INSTANCE.sum(dy, (n * outputs + o) * plane, plane);
      }
      dbias[o] = ScalarKernels.canonical(dbias[o]);
    }
    return dbias;
  }
}
