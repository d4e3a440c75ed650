package dev.narrow.bench.gpu;

import dev.narrow.bench.gpu.Finding.Comparison;
import dev.narrow.kernels.Attention;
import dev.narrow.kernels.Convolution;
import dev.narrow.kernels.Pooling;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What networks need besides: convolutions, poolings, batch norms, attention, embeddings and
 * losses, with the bits of the processor.
 */
final class NetworkChecks {
  private static final int CLASSES = 10;

  private final Bench bench;
  private final List<Task> tasks = new ArrayList<>();

  /** Images [n, c, h, w], of which there are as many channels afterwards. */
  private record Images(int n, int c, int h, int w) {
    int[] dims() {
      return new int[] {n, c, h, w};
    }
  }

  private NetworkChecks(Bench bench) {
    this.bench = bench;
  }

  static List<Task> comparisons(Bench bench) {
    NetworkChecks checks = new NetworkChecks(bench);
    checks.convolutions();
    checks.poolings();
    checks.batchNorms();
    checks.sequences();
    return checks.tasks;
  }

  /** Makes the tensors of an operation for some images, numbers of a kind. */
  @FunctionalInterface
  private interface Operands {
    List<Tensor> of(Images images, Numbers numbers);
  }

  /** Tensors of numbers, each its own. */
  private static final class Numbers {
    private final GpuData.Kind kind;
    private int stream;

    Numbers(GpuData.Kind kind) {
      this.kind = kind;
    }

    Tensor of(int... dims) {
      int size = Shape.of(dims).size();
      return new GpuData(1, size, kind, 9).matrix(stream++).reshape(dims);
    }
  }

  private List<Images> sizes() {
    List<Images> sizes = new ArrayList<>(List.of(new Images(1, 1, 3, 3), new Images(2, 6, 7, 9)));
    if (!bench.quick()) {
      sizes.add(new Images(32, 32, 32, 32));
    }
    return sizes;
  }

  private void add(String name, Operands operands, OperationCase.Operation operation) {
    tasks.add(
        new Task(
            name,
            () -> {
              long elements = 0;
              for (Images images : sizes()) {
                for (GpuData.Kind kind : GpuData.Kind.values()) {
                  List<Tensor> tensors = operands.of(images, new Numbers(kind));
                  elements += tensors.getFirst().shape().size();
                  String where = Arrays.toString(images.dims()) + " " + kind;
                  String difference = OperationChecks.difference(bench, where, tensors, operation);
                  if (!difference.isEmpty()) {
                    return new Comparison(name, elements, Comparison.SAME_BITS, difference);
                  }
                }
              }
              return new Comparison(name, elements, Comparison.SAME_BITS, "");
            }));
  }

  private void convolutions() {
    Convolution how = Convolution.unit().withPadding(1, 1);
    add(
        "convolution",
        (i, from) ->
            List.of(from.of(i.dims()), from.of(i.c, i.c, 3, 3), from.of(i.c), from.of(i.dims())),
        (backend, t) -> {
          backend.convolve(how, t.get(0), t.get(1), t.get(2), t.get(3));
          return List.of();
        });
    add(
        "convolution, backward",
        (i, from) ->
            List.of(
                from.of(i.dims()),
                from.of(i.c, i.c, 3, 3),
                from.of(i.dims()),
                from.of(i.dims()),
                from.of(i.c, i.c, 3, 3),
                from.of(i.c)),
        (backend, t) -> {
          backend.convolveBackwardInput(how, t.get(1), t.get(2), t.get(3));
          backend.convolveBackwardWeight(how, t.get(0), t.get(2), t.get(4));
          backend.convolveBackwardBias(t.get(2), t.get(5));
          return List.of();
        });
  }

  private void poolings() {
    Pooling how = Pooling.window(2, 2);
    add(
        "maxPool and its backward",
        (i, from) ->
            List.of(
                from.of(i.dims()),
                from.of(i.n, i.c, i.h / 2, i.w / 2),
                from.of(i.n, i.c, i.h / 2, i.w / 2),
                from.of(i.dims())),
        (backend, t) -> {
          int[] places = new int[t.get(1).shape().size()];
          backend.maxPool(how.withStride(2, 2), t.get(0), t.get(1), places);
          backend.maxPoolBackward(t.get(2), places, t.get(3));
          return List.of(Arrays.hashCode(places));
        });
    add(
        "averagePlanes and its backward",
        (i, from) ->
            List.of(from.of(i.dims()), from.of(i.n, i.c), from.of(i.n, i.c), from.of(i.dims())),
        (backend, t) -> {
          backend.averagePlanes(t.get(0), t.get(1));
          backend.averagePlanesBackward(t.get(2), t.get(3));
          return List.of();
        });
  }

  private void batchNorms() {
    add(
        "batchNormalize and its backward",
        (i, from) ->
            List.of(
                from.of(i.dims()),
                from.of(i.c),
                from.of(i.c),
                from.of(i.c),
                from.of(i.c),
                from.of(i.c),
                from.of(i.dims()),
                from.of(i.dims()),
                from.of(i.dims()),
                from.of(i.c),
                from.of(i.c)),
        (backend, t) -> {
          backend.batchMoments(t.get(0), t.get(1), t.get(2));
          backend.inverseDeviation(t.get(2), 1e-5f, t.get(3));
          backend.batchNormalize(t.get(0), t.get(1), t.get(3), t.get(4), t.get(5), t.get(6));
          backend.batchNormalizeBackward(
              t.get(0), t.get(1), t.get(3), t.get(4), t.get(7), t.get(8), t.get(9), t.get(10));
          return List.of();
        });
  }

  /** Sequences of h w places, with heads of 8. */
  private void sequences() {
    add(
        "attention and its backward",
        (i, from) -> {
          List<Tensor> tensors = new ArrayList<>();
          for (int t = 0; t < 8; t++) {
            tensors.add(from.of(i.n, Math.min(i.h * i.w, 128), 2 * 8));
          }
          return tensors;
        },
        (backend, t) -> {
          Attention how = Attention.causal(2, 8);
          backend.attention(t.get(0), t.get(1), t.get(2), how, t.get(3));
          backend.attentionBackward(
              t.get(0), t.get(1), t.get(2), how, t.get(4), t.get(5), t.get(6), t.get(7));
          return List.of();
        });
    add(
        "embedding and its backward",
        (i, from) ->
            List.of(from.of(CLASSES, i.c), from.of(i.n * i.h, i.c), from.of(i.n * i.h, i.c)),
        (backend, t) -> {
          int[] places = classes(t.get(1).shape().dim(0));
          backend.embedding(t.get(0), places, t.get(1));
          backend.addEmbeddingBackward(places, t.get(2), t.get(0));
          return List.of();
        });
    add(
        "softmaxCrossEntropy",
        (i, from) -> List.of(from.of(i.n * i.h, CLASSES), from.of(i.n * i.h, CLASSES)),
        (backend, t) ->
            List.of(
                backend.softmaxCrossEntropy(
                    t.get(0), classes(t.get(0).shape().dim(0)), 2f, t.get(1))));
  }

  private static int[] classes(int n) {
    int[] classes = new int[n];
    Arrays.setAll(classes, i -> i * 7 % CLASSES);
    return classes;
  }
}
