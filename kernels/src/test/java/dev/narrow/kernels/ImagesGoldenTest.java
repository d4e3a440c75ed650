package dev.narrow.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.quant.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Convolution, pooling and batch normalization against what PyTorch 2.13 computed: the file is the
 * output of {@code src/test/python/images.py}. Its sums are made in another order.
 */
@Tag("scalar")
@Tag("simd")
class ImagesGoldenTest {
  private static final Backend BACKEND = Backend.cpu(1);

  /** Sums of at most 120 terms below 1, or, normalized, with factors below 6. */
  private static final float TOLERANCE = 2e-5f;

  /** What one section of the file holds. */
  private record Section(String operation, String name, Map<String, String[]> values) {
    int[] settings() {
      return integers("settings");
    }

    int[] integers(String part) {
      String[] words = Objects.requireNonNull(values.get(part), part);
      int[] result = new int[words.length];
      for (int i = 0; i < words.length; i++) {
        result[i] = Integer.parseInt(words[i]);
      }
      return result;
    }

    float[] floats(String part) {
      String[] words = Objects.requireNonNull(values.get(part), part);
      float[] result = new float[words.length];
      for (int i = 0; i < words.length; i++) {
        result[i] = Float.parseFloat(words[i]);
      }
      return result;
    }

    void check(String part, float[] actual) {
      float[] expected = floats(part);
      assertEquals(expected.length, actual.length, this + " " + part);
      for (int i = 0; i < expected.length; i++) {
        assertEquals(expected[i], actual[i], TOLERANCE, this + " " + part + " " + i);
      }
    }

    @Override
    public String toString() {
      return operation + " " + name;
    }
  }

  private static List<Section> sections(String operation) throws IOException {
    List<Section> sections = new ArrayList<>();
    InputStream in = ImagesGoldenTest.class.getResourceAsStream("images.txt");
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(Objects.requireNonNull(in), StandardCharsets.US_ASCII))) {
      Map<String, String[]> values = new HashMap<>();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        int colon = line.indexOf(':');
        String key = line.substring(0, colon);
        String rest = line.substring(colon + 2);
        if (key.equals("convolution") || key.contains("-")) {
          values = new HashMap<>();
          if (key.equals(operation)) {
            sections.add(new Section(key, rest, values));
          }
        } else {
          values.put(key, rest.split(" ", -1));
        }
      }
    }
    return sections;
  }

  @Test
  void convolutionsAreThoseOfPyTorch() throws IOException {
    List<Section> sections = sections("convolution");
    assertEquals(8, sections.size());
    for (Section section : sections) {
      int[] s = section.settings();
      Convolution how = new Convolution(s[7], s[8], s[9], s[10], s[11], s[12], s[13]);
      int[] y = {s[0], s[4], how.outputHeight(s[2], s[5]), how.outputWidth(s[3], s[6])};
      Tensor x = Tensor.of(section.floats("x"), s[0], s[1], s[2], s[3]);
      Tensor weight = Tensor.of(section.floats("weight"), s[4], s[1] / s[13], s[5], s[6]);
      Tensor bias = Tensor.of(section.floats("bias"), s[4]);
      Tensor dy = Tensor.of(section.floats("dy"), y);
      Tensor out = Tensor.zeros(y);
      BACKEND.convolve(how, x, weight, bias, out);
      section.check("y", out.toFloats());
      Tensor dx = Tensor.zeros(x.shape().dims());
      BACKEND.convolveBackwardInput(how, weight, dy, dx);
      section.check("dx", dx.toFloats());
      Tensor dweight = Tensor.zeros(weight.shape().dims());
      BACKEND.convolveBackwardWeight(how, x, dy, dweight);
      section.check("dweight", dweight.toFloats());
      Tensor dbias = Tensor.zeros(s[4]);
      BACKEND.convolveBackwardBias(dy, dbias);
      section.check("dbias", dbias.toFloats());
    }
  }

  @Test
  void maximaAreThoseOfPyTorch() throws IOException {
    List<Section> sections = sections("max-pooling");
    assertEquals(2, sections.size());
    for (Section section : sections) {
      Pooling how = pooling(section.settings());
      Tensor x = poolingInput(section);
      Tensor dy = poolingOutput(section);
      Tensor y = Tensor.zeros(dy.shape().dims());
      int[] argmax = new int[y.shape().size()];
      BACKEND.maxPool(how, x, y, argmax);
      section.check("y", y.toFloats());
      int[] expected = section.integers("argmax");
      for (int i = 0; i < expected.length; i++) {
        assertEquals(expected[i], argmax[i], section + " argmax " + i);
      }
      Tensor dx = Tensor.zeros(x.shape().dims());
      BACKEND.maxPoolBackward(dy, argmax, dx);
      section.check("dx", dx.toFloats());
    }
  }

  @Test
  void averagesAreThoseOfPyTorch() throws IOException {
    List<Section> sections = sections("average-pooling");
    assertEquals(3, sections.size());
    for (Section section : sections) {
      Pooling how = pooling(section.settings());
      Tensor x = poolingInput(section);
      Tensor dy = poolingOutput(section);
      Tensor y = Tensor.zeros(dy.shape().dims());
      BACKEND.averagePool(how, x, y);
      section.check("y", y.toFloats());
      Tensor dx = Tensor.zeros(x.shape().dims());
      BACKEND.averagePoolBackward(how, dy, dx);
      section.check("dx", dx.toFloats());
    }
  }

  private static Pooling pooling(int[] s) {
    return new Pooling(s[4], s[5], s[6], s[7], s[8], s[9], s[10] == 1);
  }

  private static Tensor poolingInput(Section section) {
    int[] s = section.settings();
    return Tensor.of(section.floats("x"), s[0], s[1], s[2], s[3]);
  }

  private static Tensor poolingOutput(Section section) {
    int[] s = section.settings();
    Pooling how = pooling(s);
    return Tensor.of(
        section.floats("dy"), s[0], s[1], how.outputHeight(s[2]), how.outputWidth(s[3]));
  }

  @Test
  void batchNormalizationIsThatOfPyTorch() throws IOException {
    List<Section> sections = sections("batch-normalization");
    assertEquals(2, sections.size());
    for (Section section : sections) {
      int[] shape = section.settings();
      int channels = shape[1];
      Tensor x = Tensor.of(section.floats("x"), shape);
      Tensor gamma = Tensor.of(section.floats("gamma"), channels);
      Tensor beta = Tensor.of(section.floats("beta"), channels);
      Tensor runningMean = Tensor.of(section.floats("oldMean"), channels);
      Tensor runningVariance = Tensor.of(section.floats("oldVariance"), channels);
      Tensor mean = Tensor.zeros(channels);
      Tensor variance = Tensor.zeros(channels);
      Tensor inverse = Tensor.zeros(channels);
      Tensor y = Tensor.zeros(shape);
      BACKEND.inverseDeviation(runningVariance, 1e-3f, inverse);
      BACKEND.batchNormalize(x, runningMean, inverse, gamma, beta, y);
      section.check("inference", y.toFloats());

      BACKEND.batchMoments(x, mean, variance);
      int elements = x.shape().size() / channels;
      BACKEND.updateMoments(0.25f, elements, mean, variance, runningMean, runningVariance);
      section.check("newMean", runningMean.toFloats());
      section.check("newVariance", runningVariance.toFloats());
      BACKEND.inverseDeviation(variance, 1e-3f, inverse);
      BACKEND.batchNormalize(x, mean, inverse, gamma, beta, y);
      section.check("y", y.toFloats());
      Tensor dx = Tensor.zeros(shape);
      Tensor dgamma = Tensor.zeros(channels);
      Tensor dbeta = Tensor.zeros(channels);
      Tensor dy = Tensor.of(section.floats("dy"), shape);
      BACKEND.batchNormalizeBackward(x, mean, inverse, gamma, dy, dx, dgamma, dbeta);
      section.check("dx", dx.toFloats());
      section.check("dgamma", dgamma.toFloats());
      section.check("dbeta", dbeta.toFloats());
    }
  }
}
