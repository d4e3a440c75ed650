package dev.narrow.kernels.cuda;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import jcuda.NativePointerObject;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUevent;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;

/**
 * JCuda's objects for the driver's handles, and back. JCuda keeps the number to itself, but
 * contexts and streams also come from elsewhere, and launches do not go through it.
 */
final class Handles {
  private static final VarHandle NUMBER = number();

  private Handles() {}

  private static VarHandle number() {
    try { // a jar on the class path, or an automatic module, is open
      return MethodHandles.privateLookupIn(NativePointerObject.class, MethodHandles.lookup())
          .findVarHandle(NativePointerObject.class, "nativePointer", long.class);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("this JCuda is not of version 12.6.0", e);
    }
  }

  /**
   * Nothing, if this works.
   *
   * @throws LinkageError if this is another version of JCuda
   */
  static void check() {
    if (of(stream(1)) != 1) {
      throw new LinkageError("this JCuda is not of version 12.6.0");
    }
  }

  static long of(NativePointerObject object) {
    return (long) NUMBER.get(object);
  }

  private static <T extends NativePointerObject> T set(T object, long handle) {
    NUMBER.set((NativePointerObject) object, handle);
    return object;
  }

  static CUcontext context(long handle) {
    return set(new CUcontext(), handle);
  }

  static CUstream stream(long handle) {
    return set(new CUstream(), handle);
  }

  static CUevent event(long handle) {
    return set(new CUevent(), handle);
  }

  static CUmodule module(long handle) {
    return set(new CUmodule(), handle);
  }

  static CUfunction function(long handle) {
    return set(new CUfunction(), handle);
  }

  static CUgraph graph(long handle) {
    return set(new CUgraph(), handle);
  }

  static CUgraphExec executable(long handle) {
    return set(new CUgraphExec(), handle);
  }

  static CUdeviceptr device(long address) {
    return set(new CUdeviceptr(), address);
  }

  static Pointer host(long address) {
    return set(new Pointer(), address);
  }
}
