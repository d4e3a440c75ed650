package dev.narrow.kernels.cuda;

import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Summation;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;

/**
 * A GPU: its memory, in a pool, and one stream of work.
 *
 * <p>Work is enqueued and done in order; a method returns without waiting for it unless it says so.
 * What fails on the device is thrown by a later call. Any thread may call, and several at once:
 * their work is done in the order of the calls. {@link #close} and {@link #capture} want the others
 * to be quiet. Several devices of the same ordinal share its context, and each can use the memory
 * of the others: {@link CudaStream#await} says in which order.
 *
 * <p>The context is current in a thread for the length of a call alone; whatever was current before
 * is so again afterwards.
 */
public final class CudaDevice implements AutoCloseable {
  private static final Logger LOG = System.getLogger(CudaDevice.class.getName());
  private static final long STREAM_PER_THREAD = 2; // CU_STREAM_PER_THREAD

  /** CU_MEMORYTYPE_DEVICE. */
  private static final int MEMORY_TYPE_DEVICE = 2;

  private final CudaDeviceInfo info;
  private final CudaContext context;
  private final CudaStream stream;
  private final long streamHandle;
  private final boolean isBorrowed;
  private final MemoryPool pool;
  private final Staging staging;
  private final KernelModules modules = new KernelModules(this);
  private final CastTables castTables = new CastTables(this);
  private final HopperGemm hopperGemm = new HopperGemm(this);
  private final CastScales castScales = new CastScales(this);
  private final Backend backend = new CudaBackend(this);
  private final Set<Lifetime> live = ConcurrentHashMap.newKeySet();
  private final Set<Lifetime> own = ConcurrentHashMap.newKeySet(); // what nobody else closes
  private final Set<PinnedMemory> pinned = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;
  private volatile boolean capturing;

  private CudaDevice(
      CudaDeviceInfo info, CudaContext context, long streamHandle, boolean isBorrowed) {
    this.info = info;
    this.context = context;
    this.streamHandle = streamHandle;
    this.isBorrowed = isBorrowed;
    stream = new CudaStream(this, streamHandle);
    pool = new MemoryPool(context, info.memory(), this::waitBeforeFreeing);
    staging = new Staging(context, streamHandle);
  }

  /**
   * The first GPU, in its primary context, with a stream of its own.
   *
   * @throws IllegalStateException if CUDA cannot be used; {@link Cuda#probe} says so beforehand
   */
  public static CudaDevice open() {
    return open(0);
  }

  /**
   * A GPU, in its primary context, with a stream of its own.
   *
   * @throws IllegalStateException if CUDA cannot be used; {@link Cuda#probe} says so beforehand
   * @throws IllegalArgumentException if there is no such GPU, or there are no kernels for it
   */
  public static CudaDevice open(int ordinal) {
    CudaDeviceInfo info = Cuda.device(ordinal);
    CudaContext context = CudaContext.retain(ordinal);
    try {
      return new CudaDevice(info, context, context.createStream(), false);
    } catch (RuntimeException | Error e) {
      CudaContext.release(ordinal);
      throw e;
    }
  }

  /**
   * A context and a stream of your own, which are neither destroyed nor waited for, unless a method
   * says so; but where the pool has no memory left that fits, the driver is asked for more, and may
   * wait by itself. They must outlive this. While you capture the stream into a graph of your own,
   * what copies memory of the host or needs memory throws IllegalStateException: {@link #capture}
   * lets it have some.
   *
   * @param context the driver's handle, a CUcontext; one that was destroyed may crash the driver
   * @param stream the driver's handle, a CUstream of this context, or 0 for its default stream, but
   *     not the default stream of each thread, which is another one in each
   * @throws IllegalStateException if CUDA cannot be used
   * @throws IllegalArgumentException if there are no kernels for the GPU, context is 0, or stream
   *     is not one of this context
   */
  public static CudaDevice of(long context, long stream) {
    Cuda.library();
    if (context == 0) {
      throw new IllegalArgumentException("context = 0, expected the handle of a context");
    }
    CudaContext borrowed = new CudaContext(context);
    if (stream == STREAM_PER_THREAD || !borrowed.has(stream)) {
      throw new IllegalArgumentException(
          "stream = 0x%x, expected a stream of context 0x%x".formatted(stream, context));
    }
    return new CudaDevice(Cuda.device(borrowed.ordinal()), borrowed, stream, true);
  }

  /**
   * As {@link #of(long, long)}, with JCuda's objects.
   *
   * @throws IllegalStateException if CUDA cannot be used
   * @throws IllegalArgumentException if there are no kernels for the GPU, or context was never made
   */
  @SuppressWarnings("exports")
  public static CudaDevice of(CUcontext context, CUstream stream) {
    return of(Handles.of(context), Handles.of(stream));
  }

  /** What the GPU is. */
  public CudaDeviceInfo info() {
    return info;
  }

  /**
   * The driver's handle of its context, a CUcontext, for work of your own.
   *
   * @throws IllegalStateException if the device is closed
   */
  public long contextHandle() {
    requireOpen();
    return context.handle();
  }

  /** The stream of its work. */
  public CudaStream stream() {
    return stream;
  }

  /**
   * Sets how many bytes of device memory it may have in all; at first as many as the GPU has.
   *
   * @throws IllegalArgumentException if bytes is negative
   */
  public void limitMemory(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes = " + bytes + ", expected 0 or more");
    }
    pool.limit(bytes);
  }

  /**
   * Gives unused memory back to the driver. Waits for the work that was enqueued.
   *
   * @throws IllegalStateException if the device is closed
   */
  public void trim() {
    requireNotCapturing("trim");
    castScales.drain();
    pool.trim();
  }

  /** What it has taken and not given back. */
  public CudaUsage usage() {
    return new CudaUsage(
        pool.reserved(), pool.inUse(), live.stream().map(Lifetime::toString).sorted().toList());
  }

  /**
   * The operations, on tensors of this device and on those of the host. They are described at
   * {@link Backend}; one works where its tensors lie: on the device if all lie there, on the
   * processor, with as many threads as it has cores, if none does.
   *
   * <p>Products in other accumulators than fp32, fp64 and the exact one have no kernel, nor have
   * convolutions and attention in them: the processor computes them on copies of their operands,
   * and waits for these.
   */
  public Backend backend() {
    return backend;
  }

  /**
   * The same operations, but with products of matrices on tensor cores where these take the
   * operands, {@link Summation#FAST}: those of fp16 and of the 8-bit formats lns8, e4m3fn and e5m2,
   * in any pairing, and those of bf16 with bf16 from compute capability 8.0 on. All other products
   * are as with {@link #backend}, as is every product in another accumulator than fp32.
   *
   * <p>8-bit codes become fp16: lns8 with a relative error of at most 2.9e-4 each, the others
   * exactly. Under more scales than one for each row of the left matrix, or column of the right
   * one, the scaled numbers become fp16, relative to a power of two that is at least
   * 2<sup>-16</sup> of the largest one: with relative errors of at most 2<sup>-11</sup>, and
   * absolute ones of at most 2<sup>-25</sup> of that power below it.
   *
   * <p>Otherwise the bound of {@link Summation#FAST} holds with u = 2<sup>-23</sup>, since tensor
   * cores cut off.
   *
   * <p>Sums of FP8 tensor cores are no such: NVIDIA does not say what they keep; others have found
   * 13 bits below the largest of a sum's terms (DeepSeek-V3 Technical Report, 3.3.2). Large
   * products of e4m3fn and e5m2 with one another, which have them on compute capability 9.0 where
   * their terms are neighbours in memory, add up what they make of 128 terms in fp32. If that
   * finding holds they lie within (0.017 + K 2<sup>-30</sup>) times the sum of magnitudes of the
   * exact one; most lie much nearer.
   *
   * <p>On compute capability 9.0 large products have kernels of their own, if their operands begin
   * at multiples of 16 bytes and so do their rows or columns. The first such product of each
   * arrangement waits for the device: the kernel has a trial, and is not used if it fails; {@link
   * Backend#describe} says so then. Captured in a graph, it has none and goes the other way.
   */
  public Backend fastBackend() {
    return new CudaBackend(((CudaBackend) backend).gpu().fast());
  }

  // Tensors

  /**
   * A tensor in device memory; what its elements are is undefined.
   *
   * @throws CudaOutOfMemoryException if there is no memory for it
   * @throws IllegalArgumentException if the scales do not fit the shape
   * @throws IllegalStateException if the device is closed
   */
  public Tensor allocate(NumericFormat format, Shape shape, Scales scales) {
    long bytes = (long) shape.size() * Tensor.bytesPerCode(format);
    return Tensor.of(storage(bytes, format.name() + shape), shape, format, scales);
  }

  /**
   * A copy in device memory: the same shape, format and scales. It does not wait for the device,
   * unless a copy is so large that it does not fit the staging memory. The tensor may change once
   * this returns, but not if it lies in {@linkplain #pinned pinned memory}: then the device has yet
   * to read it.
   *
   * @throws IllegalArgumentException if the tensor lies on a device already
   * @throws CudaOutOfMemoryException if there is no memory for it
   * @throws IllegalStateException if the device is closed, or a graph is being captured
   */
  public Tensor upload(Tensor tensor) {
    requireNotCapturing("upload");
    Objects.requireNonNull(tensor, "tensor");
    MemorySegment from = hostMemory(tensor, "tensor");
    DeviceStorage storage = storage(from.byteSize(), tensor.toString());
    try {
      copyToDevice(from, storage.address());
    } catch (RuntimeException e) {
      storage.close();
      throw e;
    }
    return tensor.withStorage(storage);
  }

  /**
   * A copy on the heap, of the scales too if they were found on the device. Waits for the work that
   * was enqueued.
   *
   * @throws IllegalArgumentException if the tensor does not lie in this device's memory
   * @throws CudaException if work before it failed
   * @throws IllegalStateException if memory or device is closed, or a graph is being captured
   */
  public Tensor download(Tensor tensor) {
    requireNotCapturing("download");
    long from = pointer(tensor, "tensor");
    int size = tensor.shape().size();
    Storage host =
        switch (Tensor.bytesPerCode(tensor.format())) {
          case 1 -> Storage.of(new byte[size]);
          case 2 -> Storage.of(new short[size]);
          default -> Storage.of(new float[size]);
        };
    copyToHost(from, host.segment());
    return castScales.read(tensor).withStorage(host);
  }

  /**
   * Copies the codes of a tensor into another that exists, of which one at least lies on this
   * device. Waits for the device where the target lies on the host, unless in {@linkplain #pinned
   * pinned memory}; for a source on the host see {@link #upload}.
   *
   * @throws IllegalArgumentException if format or shape differ, both lie on the host, one lies on
   *     another device, or the target is read-only or overlaps the source without being the same
   * @throws CudaException if work before it failed
   * @throws IllegalStateException if memory or device is closed, or a graph is being captured and
   *     one of them lies on the host
   */
  public void copy(Tensor source, Tensor target) {
    requireOpen();
    Objects.requireNonNull(source, "source");
    Objects.requireNonNull(target, "target");
    if (!source.shape().equals(target.shape()) || !source.format().equals(target.format())) {
      throw new IllegalArgumentException("target is " + target + ", expected " + source);
    }
    boolean fromDevice = source.storage() instanceof DeviceStorage;
    boolean toDevice = target.storage() instanceof DeviceStorage;
    if (target.storage().isReadOnly()) {
      throw new IllegalArgumentException("target is read-only, expected memory to write to");
    }
    if (fromDevice && toDevice) {
      long from = pointer(source, "source");
      long to = pointer(target, "target");
      if (from != to && source.storage().overlaps(target.storage())) {
        throw new IllegalArgumentException(
            "target shares memory with source, expected memory of its own");
      }
      if (from != to) {
        copy(from, to, source.storage().byteSize());
      }
      return;
    }
    requireNotCapturing("copy of host memory");
    if (toDevice) {
      copyToDevice(hostMemory(source, "source"), pointer(target, "target"));
    } else {
      MemorySegment to = hostMemory(target, "target");
      copyToHost(pointer(source, "source"), to);
    }
  }

  /**
   * Gives the memory of a tensor back to the pool; a view or a user's own memory stays. Work that
   * was enqueued here is not disturbed; where another device has work on it, {@link
   * CudaStream#await} that first. Scales that were found with its codes, and that nobody has read,
   * go with it. Without effect if it was freed already.
   *
   * @throws IllegalArgumentException if the tensor does not lie in device memory
   */
  public void free(Tensor tensor) {
    Objects.requireNonNull(tensor, "tensor");
    if (!(tensor.storage() instanceof DeviceStorage storage)) {
      throw new IllegalArgumentException("tensor lies in host memory, expected memory of " + this);
    }
    storage.close();
  }

  /**
   * Device memory of your own, as storage: nothing is copied, and it is never freed. It must stay
   * allocated as long as it is used.
   *
   * @param address of the first byte, on the device
   * @param bytes how many there are
   * @throws IllegalArgumentException if it is not memory of this device's context, or not as long
   * @throws IllegalStateException if the device is closed
   */
  public DeviceStorage wrap(long address, long bytes) {
    requireOpen();
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes = " + bytes + ", expected 0 or more");
    }
    if (bytes > 0) {
      requireOurs(address, bytes);
    }
    return new DeviceStorage(this, Lifetime.ofOthers(), address, bytes, false);
  }

  /**
   * As {@link #wrap(long, long)}, with JCuda's object.
   *
   * @throws IllegalArgumentException if it is not memory of this device's context, or not as long
   * @throws IllegalStateException if the device is closed
   */
  @SuppressWarnings("exports")
  public DeviceStorage wrap(CUdeviceptr pointer, long bytes) {
    return wrap(Handles.of(pointer), bytes);
  }

  private void requireOurs(long address, long bytes) {
    String memory = "address = 0x" + Long.toHexString(address);
    if (context.attribute(CudaContext.POINTER_MEMORY_TYPE, address) != MEMORY_TYPE_DEVICE) {
      throw new IllegalArgumentException(memory + ", expected an address of device memory");
    }
    long owner = context.attribute(CudaContext.POINTER_CONTEXT, address);
    if (owner > 0 && owner != context.handle()) { // memory of a driver's pool has none
      throw new IllegalArgumentException(
          memory + " is memory of another context, expected that of " + this);
    }
    long start = context.attribute(CudaContext.POINTER_RANGE_START, address);
    long size = context.attribute(CudaContext.POINTER_RANGE_SIZE, address);
    if (bytes > start + size - address) {
      throw new IllegalArgumentException(
          "bytes = "
              + bytes
              + ", expected at most "
              + (start + size - address)
              + " from "
              + memory
              + " on");
    }
  }

  /**
   * Memory of the host that the device reads and writes by itself. Wrap its segment in a tensor, or
   * parts of it in several, and copies between them and the device do not wait.
   *
   * @param bytes 0 or more
   * @throws CudaException if the driver has no such memory
   * @throws IllegalStateException if the device is closed
   */
  public PinnedMemory pinned(long bytes) {
    requireOpen();
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes = " + bytes + ", expected 0 or more");
    }
    return new PinnedMemory(this, bytes);
  }

  // Kernels of your own, time and graphs

  /**
   * Loads kernels of your own: PTX, which the driver compiles, or a cubin for this GPU.
   *
   * @param image the content of the file
   * @param name for messages
   * @throws CudaException if the driver does not take it; the message has what its compiler says
   * @throws IllegalStateException if the device is closed
   */
  public CudaModule load(byte[] image, String name) {
    requireOpen();
    return new CudaModule(this, name, image, live);
  }

  /**
   * A mark to be put in the stream.
   *
   * @throws IllegalStateException if the device is closed
   */
  public CudaEvent event() {
    requireOpen();
    return new CudaEvent(this);
  }

  /**
   * Captures the work that is enqueued meanwhile; it is not done, but by {@link CudaGraph#launch}.
   * No other thread may enqueue work. What waits for the device, or copies memory of the host,
   * throws IllegalStateException.
   *
   * @param work operations on tensors of this device
   * @throws CudaException if the driver cannot capture it
   * @throws IllegalStateException if the device is closed, or is capturing already
   */
  public CudaGraph capture(Runnable work) {
    requireNotCapturing("capture");
    MemoryPool.Kept kept = pool.beginCapture();
    castScales.beginCapture();
    capturing = true;
    long graph = 0;
    boolean done = false;
    try {
      context.beginCapture(streamHandle);
      try {
        work.run();
        done = true;
      } finally {
        graph = endCapture(done);
      }
      return new CudaGraph(this, context.instantiate(graph), kept, castScales.endCapture());
    } catch (RuntimeException | Error e) {
      pool.release(kept);
      throw e;
    } finally {
      capturing = false;
      castScales.endCapture();
      pool.endCapture();
      if (graph != 0) {
        context.destroyGraph(graph);
      }
    }
  }

  /** The stream captures no longer, whatever happened; what happened is thrown, not its sequel. */
  private long endCapture(boolean done) {
    try {
      return context.endCapture(streamHandle);
    } catch (CudaException e) {
      if (done) {
        throw e;
      }
      return 0;
    }
  }

  /**
   * Waits until all work is done.
   *
   * @throws CudaException if some of it failed
   * @throws IllegalStateException if the device is closed, or a graph is being captured
   */
  public void synchronize() {
    stream.synchronize();
  }

  // For the operations

  /**
   * The address of a tensor's first code.
   *
   * @param name of the argument, for messages
   * @return 0 where there are no elements
   * @throws IllegalArgumentException if it lies in host memory, in another context, or not at a
   *     multiple of the size of its codes
   * @throws IllegalStateException if the memory was freed, or a device is closed
   */
  long pointer(Tensor tensor, String name) {
    requireOpen();
    Objects.requireNonNull(tensor, name);
    if (!(tensor.storage() instanceof DeviceStorage storage)) {
      throw new IllegalArgumentException(
          name + " lies in host memory, expected memory of " + this + ": upload it");
    }
    storage.requireLive(name);
    if (!storage.device().context.equals(context)) {
      throw new IllegalArgumentException(
          name + " lies in memory of " + storage.device() + ", expected that of " + this);
    }
    long address = storage.address();
    int alignment = Tensor.bytesPerCode(tensor.format());
    if (address % alignment != 0) {
      throw new IllegalArgumentException(
          "%s lies at 0x%x, expected a multiple of the %d bytes of a code"
              .formatted(name, address, alignment));
    }
    return address;
  }

  /**
   * A kernel.
   *
   * @param module the name of its source, without extension
   * @throws IllegalArgumentException if there is no such module, or none for this GPU, or no such
   *     kernel
   * @throws CudaException if the driver does not take the module
   * @throws IllegalStateException if the device is closed
   */
  Kernel kernel(String module, String name) {
    requireOpen();
    return modules.module(module).kernel(name);
  }

  /** Of which kind the kernels are, for example {@code sm_90.cubin}. */
  String kernels() {
    return modules.kind("elementwise");
  }

  /** Its products of compute capability 9.0. */
  HopperGemm hopperGemm() {
    return hopperGemm;
  }

  /** What casts have in its memory. */
  CastTables castTables() {
    requireOpen();
    return castTables;
  }

  /** The scales of tensors in its memory. */
  CastScales castScales() {
    requireOpen();
    return castScales;
  }

  /** Device memory for the length of an operation, at least so many bytes. */
  DeviceScratch scratch(long bytes) {
    return new DeviceScratch(storage(bytes, "scratch memory of an operation"));
  }

  /** Memory of the pool; none where there are no bytes. */
  DeviceStorage storage(long bytes, String what) {
    return storage(bytes, what, live);
  }

  /** Memory that operations keep from one to the next: it is closed with the device. */
  DeviceStorage table(long bytes, String what) {
    return storage(bytes, what, own);
  }

  private DeviceStorage storage(long bytes, String what, Set<Lifetime> owners) {
    requireOpen();
    if (bytes == 0) {
      return new DeviceStorage(this, Lifetime.ofOthers(), 0, 0, false);
    }
    requireNotCapturedByOthers(what);
    MemoryPool.Block block = take(bytes, what);
    Lifetime lifetime = new Lifetime(what, owners, () -> pool.give(block));
    return new DeviceStorage(this, lifetime, block.address(), bytes, false);
  }

  private MemoryPool.Block take(long bytes, String what) {
    try {
      return pool.take(bytes, what);
    } catch (CudaOutOfMemoryException e) {
      if (!castScales.collect()) {
        throw e;
      }
      return pool.take(bytes, what);
    }
  }

  /** Copies to memory of the host; waits for the device, unless it is pinned. */
  void copyToHost(long from, MemorySegment to) {
    requireNotCapturing("copy to the host");
    if (to.byteSize() == 0) {
      return;
    }
    if (isPinned(to)) {
      context.copyToHost(from, to.address(), to.byteSize(), streamHandle);
    } else {
      staging.toHost(from, to);
    }
  }

  /** Copies from memory of the host, which may change once this returns, unless it is pinned. */
  void copyToDevice(MemorySegment from, long to) {
    requireNotCapturing("copy from the host");
    if (from.byteSize() == 0) {
      return;
    }
    if (isPinned(from)) {
      context.copyToDevice(from.address(), to, from.byteSize(), streamHandle);
    } else {
      staging.toDevice(from, to);
    }
  }

  /** Copies on the device. */
  void copy(long from, long to, long bytes) {
    requireOpen();
    if (bytes > 0) {
      context.copy(from, to, bytes, streamHandle);
    }
  }

  /** Sets bytes on the device to zero. */
  void clear(long to, long bytes) {
    requireOpen();
    if (bytes > 0) {
      context.clear(to, bytes, streamHandle);
    }
  }

  /** Whether the device reads and writes it by itself, and so perhaps later. */
  boolean isPinned(MemorySegment segment) {
    for (PinnedMemory memory : pinned) {
      if (memory.contains(segment)) {
        return true;
      }
    }
    return false;
  }

  private static MemorySegment hostMemory(Tensor tensor, String name) {
    if (tensor.storage() instanceof DeviceStorage storage) {
      throw new IllegalArgumentException(
          name + " lies on " + storage.device() + ", expected host memory");
    }
    return tensor.storage().segment();
  }

  CudaContext context() {
    return context;
  }

  long streamHandle() {
    return streamHandle;
  }

  MemoryPool pool() {
    return pool;
  }

  /** Something that has to be closed. */
  Lifetime track(String what, Runnable release) {
    return new Lifetime(what, live, release);
  }

  /** What is closed with the device. */
  Set<Lifetime> own() {
    return own;
  }

  void add(PinnedMemory memory) {
    pinned.add(memory);
  }

  void remove(PinnedMemory memory) {
    pinned.remove(memory);
  }

  boolean isClosed() {
    return closed;
  }

  void requireOpen() {
    if (closed) {
      throw new IllegalStateException(this + " is closed");
    }
  }

  boolean isCapturing() {
    return capturing;
  }

  void requireNotCapturing(String what) {
    requireOpen();
    requireNotCapturedByOthers(what);
    if (capturing) {
      throw new IllegalStateException(
          what
              + " while a graph is being captured, expected only work on device memory; what operations"
              + " keep there for later is there once they have run");
    }
  }

  /** The pool would give a graph's memory to somebody else, since it does not know of the graph. */
  private void requireNotCapturedByOthers(String what) {
    if (isBorrowed && !capturing && context.isCapturing(streamHandle)) {
      throw new IllegalStateException(
          what
              + " while your stream is being captured, expected only work that needs no memory: "
              + "CudaDevice.capture allows for it");
    }
  }

  /** The driver itself waits for work that uses memory, as far as it knows of it. */
  void waitBeforeFreeing() {
    if (!isBorrowed) {
      context.synchronize(streamHandle);
    }
  }

  /**
   * Waits for the work, if the stream is this device's own, and frees all that was not closed, with
   * a line in the log that names it. With a stream of your own, have its work done before. Without
   * effect if it is closed already.
   *
   * @throws CudaException if work failed; all that can be freed is
   * @throws IllegalStateException if a graph is being captured
   */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    requireNotCapturing("close");
    closed = true;
    List<String> open = usage().open();
    if (!open.isEmpty()) {
      LOG.log(Level.WARNING, "{0} is closed before {1}", this, String.join(", ", open));
    }
    List<Runnable> steps = new ArrayList<>();
    steps.add(this::waitBeforeFreeing);
    live.forEach(lifetime -> steps.add(lifetime::close));
    own.forEach(lifetime -> steps.add(lifetime::close));
    steps.add(staging::close);
    steps.add(pool::trim);
    if (!isBorrowed) {
      steps.add(() -> context.destroyStream(streamHandle));
      steps.add(() -> CudaContext.release(info.ordinal()));
    }
    runAll(steps);
  }

  /** Each of them, even after one has failed; throws the first failure. */
  private static void runAll(List<Runnable> steps) {
    RuntimeException failure = null;
    for (Runnable step : steps) {
      try {
        step.run();
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  /** For example {@code CUDA device 0}. */
  @Override
  public String toString() {
    return "CUDA device " + info.ordinal();
  }
}
