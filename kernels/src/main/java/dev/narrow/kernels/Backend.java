package dev.narrow.kernels;

/**
 * Work on tensors. A backend is asked for an operation, reads its operands and writes its last
 * argument, which exists already.
 *
 * <p>Operands have any format and any scales: their values are scale × decode(code), each rounded
 * to float32. Results are fp32 without scales where nothing else is said. Where a shape does not
 * fit, or memory overlaps where it must not, {@link IllegalArgumentException} names the argument,
 * and nothing has been written. The output of an operation on single elements may be one of its
 * operands, and otherwise must not overlap them; the output of a product or a sum over rows must
 * not overlap any.
 *
 * <p>Memory: an operation reads and writes native memory of a shared or automatic arena, or of one
 * confined to the calling thread; that of another thread throws {@link WrongThreadException}. What
 * is confined is copied, decoded and written by the calling thread alone, and other threads work on
 * the copy. All memory must stay allocated, and inputs unchanged, until the operation returns; two
 * operations may run at once if neither writes what the other uses.
 *
 * <p>{@link Matrices#offset} counts elements from the first of the tensor, whatever their format: a
 * tensor whose storage is itself a slice of memory starts at 0.
 *
 * <p>A result that is NaN by arithmetic is the canonical NaN, 0x7fc00000, but for products in
 * {@link Summation#FAST}.
 */
public interface Backend
    extends Products,
        Convolutions,
        Poolings,
        Attentions,
        Embeddings,
        Normalizations,
        BatchNormalizations,
        Elementwise,
        TensorArithmetic,
        Reductions,
        Losses,
        OptimizerSteps,
        Casts,
        TensorMemory {

  /** The processor, with as many threads as it has cores. */
  static Backend cpu() {
    return cpu(Runtime.getRuntime().availableProcessors());
  }

  /**
   * The processor. Threads share large matrix products and change no result.
   *
   * <p>fp32 tensors over a {@code float[]} are worked on where they are; others are decoded, or
   * copied from native memory, into memory that each thread keeps.
   *
   * @throws IllegalArgumentException if threads is below 1
   */
  static Backend cpu(int threads) {
    return new CpuBackend(new Cpu(threads, KernelProvider.kernels()));
  }

  /**
   * The processor, with products of fp32 tensors and of bf16 tensors, without scales and into fp32,
   * delegated to oneDNN: {@link Summation#FAST}. Everything else is as with {@link #cpu(int)}.
   *
   * <p>Products work on arrays and native memory where they are. While a part of one runs, some
   * tens of milliseconds at most, no garbage is collected.
   *
   * <p>Where oneDNN cannot be loaded, this is {@link #cpu(int)}, in {@link Summation#ORDERED}; a
   * line in the log, {@link #describe} and {@link NativeLibrary#oneDnn} say why. It takes {@code
   * org.bytedeco:dnnl} with the classifier {@code linux-x86_64} on the class path, and {@code
   * --enable-native-access} for this module.
   *
   * @throws IllegalArgumentException if threads is below 1
   */
  static Backend oneDnn(int threads) {
    return new OneDnnBackend(new Cpu(threads, KernelProvider.kernels()), OneDnn.wanted());
  }

  /**
   * The same with another accumulator of products: those of matrices, of convolutions and of
   * attention. Where such a product is made of parts, these are added in float32. oneDNN has no
   * accumulator to choose, and is left out.
   *
   * @param accumulator {@link Accumulator.LogBins} takes matrices of codes only: any other product
   *     throws IllegalArgumentException then
   * @return another backend; {@link #describe} names the accumulator if it is not fp32
   */
  Backend with(Accumulator accumulator);

  /**
   * Whether work is being captured, to be done again with the arguments that it has now, as by
   * {@code CudaDevice.capture}.
   */
  default boolean isCapturing() {
    return false;
  }

  /** The order of sums. */
  Summation summation();

  /**
   * What computes and how, to be written beside results: {@code cpu, ORDERED, vector 512 bits, 1
   * thread}. What a library of somebody else's computes is marked as delegated.
   */
  String describe();
}
