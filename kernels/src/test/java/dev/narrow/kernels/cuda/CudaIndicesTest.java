package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Indices;
import dev.narrow.kernels.Pooling;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Operations whose labels, rows and places are tensors: those of arrays, but nobody waits. */
class CudaIndicesTest {
  private static final Backend CPU = Backend.cpu(1);

  private CudaDevice device;
  private final Random random = new Random(5);
  private final List<Tensor> placed = new ArrayList<>();

  @BeforeAll
  static void install() {
    EmulatedDriver.install();
  }

  @BeforeEach
  void open() {
    EmulatedDriver.reset();
    device = CudaDevice.open();
  }

  @AfterEach
  void close() {
    placed.forEach(device::free);
    assertEquals(List.of(), device.usage().open());
    device.close();
  }

  static Stream<EmulatedDriver.Order> orders() {
    return EmulatedDriver.Order.all().stream();
  }

  private Tensor on(Tensor host) {
    Tensor there = device.upload(host);
    placed.add(there);
    return there;
  }

  private Tensor numbers(int... dims) {
    float[] numbers = new float[Shape.of(dims).size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return Tensor.of(numbers, dims);
  }

  private int[] below(int bound, int n) {
    return random.ints(n, 0, bound).toArray();
  }

  @ParameterizedTest
  @MethodSource("orders")
  void theLossIsThatOfLabelsInAnArray(EmulatedDriver.Order order) {
    EmulatedDriver.order(order);
    for (int rows : new int[] {1, 7, 16, 33, 300}) {
      Tensor x = numbers(rows, 19);
      int[] labels = below(19, rows);
      Tensor expected = Tensor.zeros(rows, 19);
      float loss = CPU.softmaxCrossEntropy(x, labels, 8, expected);
      Tensor mean = Tensor.zeros();
      Tensor gradient = Tensor.zeros(rows, 19);
      CPU.softmaxCrossEntropy(x, Indices.of(labels, rows), 8, gradient, mean);
      assertEquals(loss, mean.toFloats()[0]);
      assertEquals(expected, gradient);

      Tensor there = on(Tensor.zeros(rows, 19));
      Tensor meanThere = on(Tensor.zeros());
      Tensor labelsThere = on(Indices.of(labels, rows));
      Tensor logits = on(x);
      long waits = EmulatedDriver.synchronizations();
      device.backend().softmaxCrossEntropy(logits, labelsThere, 8, there, meanThere);
      assertEquals(waits, EmulatedDriver.synchronizations());
      assertEquals(loss, meanThere.toFloats()[0]);
      assertEquals(expected, device.download(there));
    }
  }

  @Test
  void aLabelThatIsNoClassMakesTheLossNan() {
    for (int wrong : new int[] {-1, 5, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      Tensor loss = on(Tensor.zeros());
      Tensor labels = on(Indices.of(new int[] {1, wrong}, 2));
      Tensor gradient = on(Tensor.zeros(2, 5));
      device.backend().softmaxCrossEntropy(on(numbers(2, 5)), labels, 1, gradient, loss);
      assertTrue(Float.isNaN(loss.toFloats()[0]));
    }
  }

  @ParameterizedTest
  @MethodSource("orders")
  void maximaAreThoseOfPlacesInAnArray(EmulatedDriver.Order order) {
    EmulatedDriver.order(order);
    Pooling how = Pooling.window(3, 2).withStride(2, 1);
    Tensor x = numbers(3, 2, 9, 8);
    Tensor y = Tensor.zeros(3, 2, how.outputHeight(9), how.outputWidth(8));
    int[] places = new int[y.shape().size()];
    CPU.maxPool(how, x, y, places);
    Tensor dy = numbers(y.shape().dims());
    Tensor dx = Tensor.zeros(x.shape().dims());
    CPU.maxPoolBackward(dy, places, dx);

    for (Backend backend : List.of(CPU, device.backend())) {
      boolean isHost = backend.equals(CPU);
      Tensor out = isHost ? Tensor.zeros(y.shape().dims()) : on(Tensor.zeros(y.shape().dims()));
      Tensor argmax = Indices.of(new int[places.length], y.shape().dims());
      argmax = isHost ? argmax : on(argmax);
      Tensor below = isHost ? Tensor.zeros(x.shape().dims()) : on(Tensor.zeros(x.shape().dims()));
      backend.maxPool(how, isHost ? x : on(x), out, argmax);
      assertArrayEquals(places, Indices.read(argmax, "argmax"));
      assertArrayEquals(y.toFloats(), out.toFloats());
      backend.maxPoolBackward(isHost ? dy : on(dy), argmax, below);
      assertArrayEquals(dx.toFloats(), below.toFloats());
    }

    int[] wrong = places.clone();
    wrong[4] = -1;
    wrong[5] = 72;
    float[] without = dy.toFloats();
    without[4] = 0;
    without[5] = 0;
    CPU.maxPoolBackward(Tensor.of(without, y.shape().dims()), places, dx);
    Tensor below = on(Tensor.zeros(x.shape().dims()));
    device.backend().maxPoolBackward(on(dy), on(Indices.of(wrong, y.shape().dims())), below);
    assertArrayEquals(dx.toFloats(), below.toFloats(), "what is not in the plane is left out");
  }

  @ParameterizedTest
  @MethodSource("orders")
  void rowsAreThoseOfIndicesInAnArray(EmulatedDriver.Order order) {
    EmulatedDriver.order(order);
    for (int n : new int[] {1, 31, 32, 33, 200}) {
      for (int width : new int[] {1, 33, 70}) {
        int[] rows = below(n < 100 ? 9 : 150, n);
        Tensor table = numbers(150, width);
        Tensor y = Tensor.zeros(n, width);
        CPU.embedding(table, rows, y);
        Tensor dy = numbers(n, width);
        Tensor start = numbers(150, width);
        Tensor dtable = start.toFp32();
        CPU.addEmbeddingBackward(rows, dy, dtable);

        Tensor indices = on(Indices.of(rows, n));
        Tensor there = on(Tensor.zeros(n, width));
        Tensor tableThere = on(table);
        Tensor dyThere = on(dy);
        Tensor dtableThere = on(start);
        long waits = EmulatedDriver.synchronizations();
        device.backend().embedding(tableThere, indices, there);
        device.backend().addEmbeddingBackward(indices, dyThere, dtableThere);
        assertEquals(waits, EmulatedDriver.synchronizations());
        assertEquals(y, device.download(there));
        assertEquals(dtable, device.download(dtableThere));
        Tensor onHost = start.toFp32();
        CPU.addEmbeddingBackward(Indices.of(rows, n), dy, onHost);
        assertEquals(dtable, onHost);
      }
    }
  }

  @Test
  void aRowThatIsNotThereIsNanAndHasNoGradient() {
    Tensor table = numbers(3, 4);
    Tensor indices = on(Indices.of(new int[] {2, 3, -1}, 3));
    for (Tensor codes :
        List.of(
            table, Recipes.parse("lns8").quantize(table), Recipes.parse("fp16").quantize(table))) {
      Tensor y = on(Tensor.zeros(3, 4));
      device.backend().embedding(on(codes), indices, y);
      float[] found = y.toFloats();
      for (int i = 0; i < found.length; i++) {
        assertEquals(i >= 4, Float.isNaN(found[i]), codes + ", element " + i);
      }
    }
    Tensor dtable = on(Tensor.zeros(3, 4));
    Tensor dy = numbers(3, 4);
    device.backend().addEmbeddingBackward(indices, on(dy), dtable);
    Tensor expected = Tensor.zeros(3, 4);
    CPU.addEmbeddingBackward(new int[] {2}, dy.slice(0, 1), expected);
    assertEquals(expected, device.download(dtable));
  }

  @Test
  void whatIsNotOfIntegersOrOfAnotherLengthIsNamed() {
    Tensor x = on(numbers(2, 5));
    Tensor y = on(numbers(2, 5));
    Tensor loss = on(Tensor.zeros());
    Tensor three = on(Indices.of(new int[3], 3));
    assertSays(
        "labels = fp32[2], expected integers: fixed:b32f0",
        () -> device.backend().softmaxCrossEntropy(x, on(Tensor.zeros(2)), 1, y, loss));
    assertSays(
        "labels has shape [3], expected 2 elements",
        () -> device.backend().softmaxCrossEntropy(x, three, 1, y, loss));
    assertSays(
        "labels lies in host memory",
        () -> device.backend().softmaxCrossEntropy(x, Indices.of(new int[2], 2), 1, y, loss));
    assertSays(
        "loss has shape [2, 5], expected []",
        () ->
            CPU.softmaxCrossEntropy(
                numbers(2, 5), Indices.of(new int[2], 2), 1, numbers(2, 5), numbers(2, 5)));
  }

  private static void assertSays(String words, Runnable call) {
    Throwable thrown = assertThrows(IllegalArgumentException.class, call::run);
    assertTrue(String.valueOf(thrown.getMessage()).contains(words), thrown::toString);
  }
}
