package dev.narrow.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntSupplier;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import jcuda.driver.JITOptions;

/**
 * The driver's functions in one context, each with its result checked. The context is current for
 * the length of a call alone: nothing that could move a virtual thread to another carrier happens
 * in between.
 *
 * @param handle the driver's, a CUcontext
 */
record CudaContext(long handle) {
  private static final int STREAM_NON_BLOCKING = 1; // does not wait for the default stream
  private static final int CAPTURE_RELAXED = 2; // any thread may load and allocate meanwhile
  private static final int JIT_ERROR_LOG_BUFFER = 5; // CUjit_option
  private static final int JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6;
  private static final int ERROR_LOG_BYTES = 8192;
  private static final int NOT_FOUND = 500; // CUresult
  private static final int NOT_READY = 600;

  private static final int FUNCTION_MAX_DYNAMIC_SHARED = 8; // CUfunction_attribute
  private static final int TENSOR_MAP_BYTES = 128; // CUtensorMap
  private static final int TENSOR_MAP_ALIGNMENT = 64;

  /** CUtensorMapDataType. */
  static final int TENSOR_MAP_FP16 = 6;

  static final int TENSOR_MAP_BF16 = 9;
  static final int TENSOR_MAP_BYTES_OF_1 = 0;

  /** CUpointer_attribute: the context of memory. */
  static final int POINTER_CONTEXT = 1;

  /** CUpointer_attribute: whether memory is of the host, 1, or a device, 2. */
  static final int POINTER_MEMORY_TYPE = 2;

  /** CUpointer_attribute: where the allocation begins that an address lies in. */
  static final int POINTER_RANGE_START = 11;

  /** CUpointer_attribute: how many bytes the allocation has. */
  static final int POINTER_RANGE_SIZE = 12;

  /** The primary context of a device, which the driver counts the users of. */
  static CudaContext retain(int ordinal) {
    CUcontext context = new CUcontext();
    check(
        JCudaDriver.cuDevicePrimaryCtxRetain(context, device(ordinal)), "cuDevicePrimaryCtxRetain");
    return new CudaContext(Handles.of(context));
  }

  static void release(int ordinal) {
    check(JCudaDriver.cuDevicePrimaryCtxRelease(device(ordinal)), "cuDevicePrimaryCtxRelease");
  }

  private static CUdevice device(int ordinal) {
    CUdevice device = new CUdevice();
    check(JCudaDriver.cuDeviceGet(device, ordinal), "cuDeviceGet");
    return device;
  }

  /** The number of the device that this is a context of. */
  int ordinal() {
    CUdevice device = new CUdevice();
    call("cuCtxGetDevice", () -> JCudaDriver.cuCtxGetDevice(device));
    return (int) Handles.of(device);
  }

  private static void check(int result, String operation) {
    CudaException.check(result, operation);
  }

  private int result(IntSupplier call) {
    boolean entered = DriverCalls.enter(handle);
    try {
      return call.getAsInt();
    } finally {
      if (entered) {
        DriverCalls.leave();
      }
    }
  }

  private void call(String operation, IntSupplier call) {
    check(result(call), operation);
  }

  // Memory

  /** Free bytes on the device. */
  long freeMemory() {
    long[] free = new long[1];
    long[] total = new long[1];
    call("cuMemGetInfo", () -> JCudaDriver.cuMemGetInfo(free, total));
    return free[0];
  }

  /** An address, or 0 if there is not as much memory. */
  long allocate(long bytes) {
    CUdeviceptr pointer = new CUdeviceptr();
    int result = result(() -> JCudaDriver.cuMemAlloc(pointer, bytes));
    if (result == CudaException.OUT_OF_MEMORY) {
      return 0;
    }
    check(result, "cuMemAlloc");
    return Handles.of(pointer);
  }

  void free(long address) {
    call("cuMemFree", () -> JCudaDriver.cuMemFree(Handles.device(address)));
  }

  long allocateHost(long bytes) {
    Pointer pointer = new Pointer();
    call("cuMemAllocHost", () -> JCudaDriver.cuMemAllocHost(pointer, bytes));
    return Handles.of(pointer);
  }

  void freeHost(long address) {
    call("cuMemFreeHost", () -> JCudaDriver.cuMemFreeHost(Handles.host(address)));
  }

  void copyToDevice(long host, long device, long bytes, long stream) {
    call(
        "cuMemcpyHtoDAsync",
        () ->
            JCudaDriver.cuMemcpyHtoDAsync(
                Handles.device(device), Handles.host(host), bytes, Handles.stream(stream)));
  }

  void copyToHost(long device, long host, long bytes, long stream) {
    call(
        "cuMemcpyDtoHAsync",
        () ->
            JCudaDriver.cuMemcpyDtoHAsync(
                Handles.host(host), Handles.device(device), bytes, Handles.stream(stream)));
  }

  void copy(long from, long to, long bytes, long stream) {
    call(
        "cuMemcpyDtoDAsync",
        () ->
            JCudaDriver.cuMemcpyDtoDAsync(
                Handles.device(to), Handles.device(from), bytes, Handles.stream(stream)));
  }

  void clear(long address, long bytes, long stream) {
    call(
        "cuMemsetD8Async",
        () ->
            JCudaDriver.cuMemsetD8Async(
                Handles.device(address), (byte) 0, bytes, Handles.stream(stream)));
  }

  /** What the driver knows of an address; -1 if it does not know it. */
  long attribute(int attribute, long address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_LONG); // of which some attributes take an int
      int result =
          result(() ->
              JCudaDriver.cuPointerGetAttribute(
                  Handles.host(value.address()), attribute, Handles.device(address)));
      return result == CudaException.SUCCESS ? value.get(JAVA_LONG, 0) : -1;
    }
  }

  // Streams and events

  long createStream() {
    CUstream stream = new CUstream();
    call("cuStreamCreate", () -> JCudaDriver.cuStreamCreate(stream, STREAM_NON_BLOCKING));
    return Handles.of(stream);
  }

  /** Whether it is a stream of this context. */
  boolean has(long stream) {
    CUcontext owner = new CUcontext();
    int result = result(() -> JCudaDriver.cuStreamGetCtx(Handles.stream(stream), owner));
    return result == CudaException.SUCCESS && Handles.of(owner) == handle;
  }

  void destroyStream(long stream) {
    call("cuStreamDestroy", () -> JCudaDriver.cuStreamDestroy(Handles.stream(stream)));
  }

  void synchronize(long stream) {
    call("cuStreamSynchronize", () -> JCudaDriver.cuStreamSynchronize(Handles.stream(stream)));
  }

  long createEvent() {
    CUevent event = new CUevent();
    call("cuEventCreate", () -> JCudaDriver.cuEventCreate(event, 0));
    return Handles.of(event);
  }

  void destroyEvent(long event) {
    call("cuEventDestroy", () -> JCudaDriver.cuEventDestroy(Handles.event(event)));
  }

  void record(long event, long stream) {
    call(
        "cuEventRecord",
        () -> JCudaDriver.cuEventRecord(Handles.event(event), Handles.stream(stream)));
  }

  void await(long event, long stream) {
    call(
        "cuStreamWaitEvent",
        () -> JCudaDriver.cuStreamWaitEvent(Handles.stream(stream), Handles.event(event), 0));
  }

  boolean hasHappened(long event) {
    int result = result(() -> JCudaDriver.cuEventQuery(Handles.event(event)));
    if (result == NOT_READY) {
      return false;
    }
    check(result, "cuEventQuery");
    return true;
  }

  void synchronizeEvent(long event) {
    call("cuEventSynchronize", () -> JCudaDriver.cuEventSynchronize(Handles.event(event)));
  }

  float milliseconds(long from, long to) {
    float[] milliseconds = new float[1];
    call(
        "cuEventElapsedTime",
        () -> JCudaDriver.cuEventElapsedTime(milliseconds, Handles.event(from), Handles.event(to)));
    return milliseconds[0];
  }

  // Graphs

  void beginCapture(long stream) {
    call(
        "cuStreamBeginCapture",
        () -> JCudaDriver.cuStreamBeginCapture(Handles.stream(stream), CAPTURE_RELAXED));
  }

  /** Whether work that is enqueued is captured; also where the driver does not say. */
  boolean isCapturing(long stream) {
    int[] status = new int[1];
    int result = result(() -> JCudaDriver.cuStreamIsCapturing(Handles.stream(stream), status));
    return result != CudaException.SUCCESS || status[0] != 0;
  }

  long endCapture(long stream) {
    CUgraph graph = new CUgraph();
    call("cuStreamEndCapture", () -> JCudaDriver.cuStreamEndCapture(Handles.stream(stream), graph));
    return Handles.of(graph);
  }

  long instantiate(long graph) {
    CUgraphExec executable = new CUgraphExec();
    call(
        "cuGraphInstantiateWithFlags",
        () -> JCudaDriver.cuGraphInstantiate(executable, Handles.graph(graph), 0));
    return Handles.of(executable);
  }

  void launchGraph(long executable, long stream) {
    call(
        "cuGraphLaunch",
        () -> JCudaDriver.cuGraphLaunch(Handles.executable(executable), Handles.stream(stream)));
  }

  void destroyGraph(long graph) {
    call("cuGraphDestroy", () -> JCudaDriver.cuGraphDestroy(Handles.graph(graph)));
  }

  void destroyExecutable(long executable) {
    call(
        "cuGraphExecDestroy", () -> JCudaDriver.cuGraphExecDestroy(Handles.executable(executable)));
  }

  // Modules

  /**
   * Loads PTX or a cubin.
   *
   * @param name for the message
   */
  long load(byte[] image, String name) {
    CUmodule module = new CUmodule();
    JITOptions options = new JITOptions();
    options.putBytes(JIT_ERROR_LOG_BUFFER, new byte[ERROR_LOG_BYTES]);
    options.putInt(JIT_ERROR_LOG_BUFFER_SIZE_BYTES, ERROR_LOG_BYTES);
    int result;
    try (Arena arena = Arena.ofConfined()) { // zeros at first: PTX ends with one
      MemorySegment memory = arena.allocate(image.length + 1L, 16);
      MemorySegment.copy(image, 0, memory, JAVA_BYTE, 0, image.length);
      result =
          result(() ->
              JCudaDriver.cuModuleLoadDataJIT(module, Handles.host(memory.address()), options));
    }
    if (result != CudaException.SUCCESS) {
      String log = String.valueOf(options.getString(JIT_ERROR_LOG_BUFFER)).strip();
      throw CudaException.of(
          result, "cuModuleLoadDataEx", ", for " + name + (log.isEmpty() ? "" : ": " + log));
    }
    return Handles.of(module);
  }

  void unload(long module) {
    call("cuModuleUnload", () -> JCudaDriver.cuModuleUnload(Handles.module(module)));
  }

  /** Lets launches of a kernel have so much dynamic shared memory. */
  void allowShared(long function, int bytes) {
    call(
        "cuFuncSetAttribute",
        () ->
            JCudaDriver.cuFuncSetAttribute(
                Handles.function(function), FUNCTION_MAX_DYNAMIC_SHARED, bytes));
  }

  /**
   * A tensor map: what copies of boxes by a kernel need to know of a tensor.
   *
   * @param type CUtensorMapDataType
   * @param address of its first element, a multiple of 16
   * @param extents innermost first
   * @param strides of all axes but the innermost, bytes, multiples of 16
   * @param box extents of a box, of which the innermost has 128 bytes
   */
  MemorySegment tensorMap(
      Arena arena, int type, long address, long[] extents, long[] strides, int[] box) {
    MemorySegment map = arena.allocate(TENSOR_MAP_BYTES, TENSOR_MAP_ALIGNMENT);
    MemorySegment ones = arena.allocate(JAVA_INT, extents.length);
    for (int i = 0; i < extents.length; i++) {
      ones.setAtIndex(JAVA_INT, i, 1);
    }
    MemorySegment allExtents = arena.allocateFrom(JAVA_LONG, extents);
    MemorySegment allStrides = arena.allocateFrom(JAVA_LONG, strides);
    MemorySegment wholeBox = arena.allocateFrom(JAVA_INT, box);
    call(
        "cuTensorMapEncodeTiled",
        () ->
            DriverCalls.encodeTensorMap(
                map, type, extents.length, address, allExtents, allStrides, wholeBox, ones));
    return map;
  }

  /** A kernel of a module, or 0 if it has none of that name. */
  long function(long module, String name) {
    CUfunction function = new CUfunction();
    int result =
        result(() -> JCudaDriver.cuModuleGetFunction(function, Handles.module(module), name));
    if (result == NOT_FOUND) {
      return 0;
    }
    check(result, "cuModuleGetFunction");
    return Handles.of(function);
  }
}
