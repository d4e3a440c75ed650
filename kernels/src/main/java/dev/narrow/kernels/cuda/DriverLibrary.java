package dev.narrow.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * NVIDIA's driver library, loaded for good. JCuda needs a library of the name libcuda.so.1 of its
 * own accord, and finds this one.
 */
@SuppressWarnings("restricted")
final class DriverLibrary {

  /**
   * All functions that this package calls, of JCuda or itself. To call one that is not there ends
   * the process, so they are looked up first.
   */
  private static final List<String> FUNCTIONS =
      List.of(
          "cuInit",
          "cuDriverGetVersion",
          "cuGetErrorName",
          "cuGetErrorString",
          "cuDeviceGetCount",
          "cuDeviceGet",
          "cuDeviceGetName",
          "cuDeviceGetAttribute",
          "cuDeviceTotalMem_v2",
          "cuDevicePrimaryCtxRetain",
          "cuDevicePrimaryCtxRelease_v2",
          "cuCtxGetCurrent",
          "cuCtxPushCurrent_v2",
          "cuCtxPopCurrent_v2",
          "cuCtxGetDevice",
          "cuMemGetInfo_v2",
          "cuMemAlloc_v2",
          "cuMemFree_v2",
          "cuMemAllocHost_v2",
          "cuMemFreeHost",
          "cuMemcpyHtoDAsync_v2",
          "cuMemcpyDtoHAsync_v2",
          "cuMemcpyDtoDAsync_v2",
          "cuMemsetD8Async",
          "cuPointerGetAttribute",
          "cuStreamCreate",
          "cuStreamDestroy_v2",
          "cuStreamSynchronize",
          "cuStreamWaitEvent",
          "cuStreamGetCtx",
          "cuStreamBeginCapture_v2",
          "cuStreamEndCapture",
          "cuStreamIsCapturing",
          "cuEventCreate",
          "cuEventDestroy_v2",
          "cuEventRecord",
          "cuEventQuery",
          "cuEventSynchronize",
          "cuEventElapsedTime",
          "cuGraphInstantiateWithFlags",
          "cuGraphLaunch",
          "cuGraphExecDestroy",
          "cuGraphDestroy",
          "cuModuleLoadDataEx",
          "cuModuleUnload",
          "cuModuleGetFunction",
          "cuFuncSetAttribute",
          "cuTensorMapEncodeTiled",
          "cuLaunchKernel");

  // CUdevice_attribute
  private static final int MULTIPROCESSOR_COUNT = 16;
  private static final int COMPUTE_CAPABILITY_MAJOR = 75;
  private static final int COMPUTE_CAPABILITY_MINOR = 76;

  private static final int NAME_BYTES = 256;

  private final SymbolLookup symbols;

  private DriverLibrary(SymbolLookup symbols) {
    this.symbols = symbols;
  }

  /**
   * Loads it.
   *
   * @param name of a file, or to be looked for where the system looks for libraries
   * @throws IllegalArgumentException if there is none, or it cannot be loaded
   * @throws IllegalCallerException if this module may not call native code
   */
  static DriverLibrary load(String name) {
    return new DriverLibrary(SymbolLookup.libraryLookup(name, Arena.global()));
  }

  /** The functions that it lacks, of those that are needed. */
  List<String> missing() {
    return FUNCTIONS.stream().filter(name -> symbols.find(name).isEmpty()).toList();
  }

  /** A function of the driver's, as a method handle. */
  MethodHandle function(String name, FunctionDescriptor type, Linker.Option... options) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), type, options);
  }

  /** Where a function of the driver's lies. */
  MemorySegment address(String name) {
    return symbols.findOrThrow(name);
  }

  /** Starts the driver. */
  int init() {
    MethodHandle init = function("cuInit", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    try {
      return (int) init.invokeExact(0);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** The version of CUDA that the driver supports: 12040 is 12.4. Known before it has started. */
  int version() {
    MethodHandle version = function("cuDriverGetVersion", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      require((int) version.invokeExact(result), "cuDriverGetVersion");
      return result.get(JAVA_INT, 0);
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** The devices; the driver must have started. */
  List<CudaDeviceInfo> devices() {
    MethodHandle count = function("cuDeviceGetCount", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    List<CudaDeviceInfo> devices = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      require((int) count.invokeExact(result), "cuDeviceGetCount");
      int all = result.get(JAVA_INT, 0);
      for (int ordinal = 0; ordinal < all; ordinal++) {
        devices.add(device(arena, ordinal));
      }
    } catch (Throwable e) {
      throw failure(e);
    }
    return devices;
  }

  private CudaDeviceInfo device(Arena arena, int ordinal) throws Throwable {
    MemorySegment handle = arena.allocate(JAVA_INT);
    MemorySegment name = arena.allocate(NAME_BYTES);
    MemorySegment memory = arena.allocate(JAVA_LONG);
    MethodHandle get = function("cuDeviceGet", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
    MethodHandle getName =
        function("cuDeviceGetName", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
    MethodHandle totalMemory =
        function("cuDeviceTotalMem_v2", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
    require((int) get.invokeExact(handle, ordinal), "cuDeviceGet");
    int device = handle.get(JAVA_INT, 0);
    require((int) getName.invokeExact(name, NAME_BYTES - 1, device), "cuDeviceGetName");
    require((int) totalMemory.invokeExact(memory, device), "cuDeviceTotalMem");
    return new CudaDeviceInfo(
        ordinal,
        name.getString(0),
        attribute(arena, COMPUTE_CAPABILITY_MAJOR, device),
        attribute(arena, COMPUTE_CAPABILITY_MINOR, device),
        memory.get(JAVA_LONG, 0),
        attribute(arena, MULTIPROCESSOR_COUNT, device));
  }

  private int attribute(Arena arena, int attribute, int device) throws Throwable {
    MethodHandle get =
        function(
            "cuDeviceGetAttribute", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
    MemorySegment value = arena.allocate(JAVA_INT);
    require((int) get.invokeExact(value, attribute, device), "cuDeviceGetAttribute");
    return value.get(JAVA_INT, 0);
  }

  /**
   * Throws while CudaException cannot be used, whose words are those of a driver that has started.
   */
  private void require(int result, String function) {
    if (result != CudaException.SUCCESS) {
      throw new IllegalStateException(
          function + " gives " + describe(result).orElse("error " + result));
    }
  }

  /** The driver's name and words for a result, if it has any. */
  Optional<String> describe(int result) {
    Optional<String> name = text("cuGetErrorName", result);
    Optional<String> words = text("cuGetErrorString", result);
    return name.map(n -> n + words.map(w -> " (" + w + ")").orElse(""));
  }

  private Optional<String> text(String function, int result) {
    MethodHandle get = function(function, FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointer = arena.allocate(ADDRESS);
      int status = (int) get.invokeExact(result, pointer);
      MemorySegment text = pointer.get(ADDRESS, 0);
      return status != CudaException.SUCCESS || text.equals(MemorySegment.NULL)
          ? Optional.empty()
          : Optional.of(text.reinterpret(NAME_BYTES).getString(0));
    } catch (Throwable e) {
      throw failure(e);
    }
  }

  /** What a method handle throws: only what is unchecked. */
  static RuntimeException failure(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(e);
  }
}
