package dev.narrow.kernels;

import dev.narrow.formats.LogFormat;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.TensorReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** {@link Products} on the processor. */
interface CpuProducts extends Products {
  /** What computes. */
  Cpu cpu();

  @Override
  default void matmul(Matmul how, Matrices a, Matrices b, Matrices out) {
    Arguments.expectProduct(how, a, b, out);
    if (out.size() == 0) {
      return;
    }
    Tensor bias = how.bias().orElse(null);
    boolean whole = out.size() == out.tensor().shape().size();
    try (Source left = Source.of(a, "a", cpu());
        Source right = Source.of(b, "b", cpu());
        Values row = bias == null ? null : Values.read(bias);
        Values target =
            how.beta() == 0 && (whole || Values.isArray(out.tensor()))
                ? Values.write(out.tensor(), "out")
                : Values.update(out.tensor(), "out")) {
      Epilogue epilogue =
          new Epilogue(
              how.alpha(),
              how.beta(),
              row == null ? null : row.array(),
              row == null ? 0 : row.offset(),
              how.activation());
      multiply(left, right, out, target, epilogue);
      target.store();
    }
  }

  private void multiply(Source left, Source right, Matrices out, Values target, Epilogue epilogue) {
    int count = out.count();
    if (cpu().threads() == 1 || count < cpu().threads()) {
      for (int m = 0; m < count; m++) {
        cpu().multiply(left.operand(m), right.operand(m), target.matrix(out, m), epilogue);
      }
      return;
    }
    Cpu one = cpu().within(count);
    long cost = (long) left.view.columns() * out.columns() * out.rows();
    cpu()
        .share(
            count,
            1,
            cost,
            (from, to) -> {
              for (int m = from; m < to; m++) {
                one.multiply(left.operand(m), right.operand(m), target.matrix(out, m), epilogue);
              }
            });
  }

  /** The matrices of an operand, as floats where they are floats, else as codes. */
  final class Source implements AutoCloseable {
    /** Never started: memory that it may not touch is confined to a thread. */
    private static final Thread ANOTHER_THREAD = Thread.ofPlatform().unstarted(() -> {});

    private final Matrices view;
    private final @Nullable Values values;
    private final @Nullable TensorReader codes;

    private Source(Matrices view, @Nullable Values values, @Nullable TensorReader codes) {
      this.view = view;
      this.values = values;
      this.codes = codes;
    }

    static Source of(Matrices view, String name, Cpu cpu) {
      Tensor tensor = view.tensor();
      // Codes are read in runs, which there are if they follow one another in rows or in columns;
      // and by several threads, if these may touch the memory.
      boolean runs = view.rowStride() == 1 || view.columnStride() == 1;
      boolean shared = tensor.storage().segment().isAccessibleBy(ANOTHER_THREAD);
      boolean asCodes =
          cpu.accumulator() instanceof Accumulator.LogBins
              ? tensor.format() instanceof LogFormat
              : tensor.rotation().isEmpty()
                  && runs
                  && (shared || cpu.threads() == 1)
                  && !Values.isArray(tensor);
      if (!asCodes) {
        return new Source(view, Values.read(tensor), null);
      }
      Tensor codes = shared || cpu.threads() == 1 ? tensor : copied(tensor);
      return new Source(view, null, TensorReader.of(codes, name));
    }

    private static Tensor copied(Tensor codes) {
      byte[] copy = codes.storage().segment().toArray(ValueLayout.JAVA_BYTE);
      return Tensor.of(
          Storage.of(MemorySegment.ofArray(copy)), codes.shape(), codes.format(), codes.scales());
    }

    Operand operand(int index) {
      int first = view.offset() + (view.count() == 1 ? 0 : index * view.step());
      return new Operand(
          values == null ? null : values.array(),
          codes,
          values == null ? first : values.offset() + first,
          view.rows(),
          view.columns(),
          view.rowStride(),
          view.columnStride());
    }

    @Override
    public void close() {
      if (values != null) {
        values.close();
      }
    }
  }

  @Override
  default void matvec(Tensor a, Tensor x, Tensor y) {
    Arguments.expectMatvec(a, x, y);
    int rows = a.shape().dim(0);
    int columns = a.shape().dim(1);
    try (Source matrix = Source.of(Matrices.of(a), "a", cpu());
        Values vector = Values.read(x);
        Values to = Values.write(y, "y")) {
      Operand operand = matrix.operand(0);
      if (!(cpu().accumulator() instanceof Accumulator.Fp32)) {
        Matrix column = Matrix.rowMajor(vector.array(), vector.offset(), columns, 1, 1);
        Matrix sums = Matrix.rowMajor(to.array(), to.offset(), rows, 1, 1);
        cpu().multiply(operand, Operand.of(column), sums, Epilogue.NONE);
        to.store();
        return;
      }
      cpu()
          .share(
              rows,
              1,
              columns,
              (from, end) ->
                  cpu()
                      .kernels()
                      .matvec(
                          operand.rowRange(from, end),
                          vector.array(),
                          vector.offset(),
                          to.array(),
                          to.offset() + from));
      to.store();
    }
  }
}
