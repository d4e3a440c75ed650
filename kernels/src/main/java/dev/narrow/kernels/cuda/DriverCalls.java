package dev.narrow.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The calls of the driver that every launch makes, without JCuda, which takes microseconds for one.
 * The handles are static and final, so that the compiler sees through them.
 */
final class DriverCalls {
  private static final MethodHandle LAUNCH =
      Cuda.library()
          .function(
              "cuLaunchKernel",
              FunctionDescriptor.of(
                  JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
                  JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS));
  private static final MethodHandle GET_CURRENT =
      Cuda.library()
          .function(
              "cuCtxGetCurrent",
              FunctionDescriptor.of(JAVA_INT, ADDRESS),
              Linker.Option.critical(false)); // it reads a variable of the thread's
  private static final MethodHandle ENCODE_TENSOR_MAP = // which JCuda does not have
      Cuda.library()
          .function(
              "cuTensorMapEncodeTiled",
              FunctionDescriptor.of(
                  JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS,
                  ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle PUSH =
      Cuda.library().function("cuCtxPushCurrent_v2", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
  private static final MethodHandle POP =
      Cuda.library().function("cuCtxPopCurrent_v2", FunctionDescriptor.of(JAVA_INT, ADDRESS));

  /** Where the driver writes a context to, for each thread. */
  private static final ThreadLocal<MemorySegment> CELL =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(JAVA_LONG));

  private DriverCalls() {}

  /**
   * Makes a context current in this thread, if it is not.
   *
   * @return whether it was not, and {@link #leave} is to be called
   */
  static boolean enter(long context) {
    MemorySegment cell = CELL.get();
    try {
      CudaException.check((int) GET_CURRENT.invokeExact(cell), "cuCtxGetCurrent");
      if (cell.get(JAVA_LONG, 0) == context) {
        return false;
      }
      CudaException.check((int) PUSH.invokeExact(context), "cuCtxPushCurrent");
      return true;
    } catch (Throwable e) {
      throw DriverLibrary.failure(e);
    }
  }

  /** Makes the context current that was so before. */
  static void leave() {
    try {
      CudaException.check((int) POP.invokeExact(CELL.get()), "cuCtxPopCurrent");
    } catch (Throwable e) {
      throw DriverLibrary.failure(e);
    }
  }

  /** Launches a kernel; the context must be current. */
  static int launch(
      long function,
      int blocks,
      int threads,
      int sharedBytes,
      long stream,
      MemorySegment arguments) {
    try {
      return (int)
          LAUNCH.invokeExact(
              function,
              blocks,
              1,
              1,
              threads,
              1,
              1,
              sharedBytes,
              stream,
              arguments,
              MemorySegment.NULL);
    } catch (Throwable e) {
      throw DriverLibrary.failure(e);
    }
  }

  /** CUtensorMapSwizzle: the 16 bytes of eight rows of 128 are exchanged. */
  private static final int SWIZZLE_128B = 3;

  /** CUtensorMapL2promotion. */
  private static final int PROMOTION_256B = 3;

  /**
   * Encodes a tensor map without interleaving, in which rows of 128 bytes are exchanged and
   * elements outside of the tensor are zeros; the context must be current.
   */
  static int encodeTensorMap(
      MemorySegment map,
      int type,
      int rank,
      long address,
      MemorySegment extents,
      MemorySegment strides,
      MemorySegment box,
      MemorySegment elementStrides) {
    try {
      return (int)
          ENCODE_TENSOR_MAP.invokeExact(
              map,
              type,
              rank,
              address,
              extents,
              strides,
              box,
              elementStrides,
              0,
              SWIZZLE_128B,
              PROMOTION_256B,
              0);
    } catch (Throwable e) {
      throw DriverLibrary.failure(e);
    }
  }

  /** The driver's words for a result. */
  static String describe(int result) {
    return Cuda.library()
        .describe(result)
        .map(text -> result + " " + text)
        .orElse("error " + result);
  }
}
