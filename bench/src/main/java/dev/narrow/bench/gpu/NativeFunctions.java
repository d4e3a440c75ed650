package dev.narrow.bench.gpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.HashMap;
import java.util.Map;

/** Functions of a library, or of those it is linked with, that return 0 if all went well. */
final class NativeFunctions {
  private final SymbolLookup symbols;
  private final Map<String, MethodHandle> handles = new HashMap<>();

  NativeFunctions(SymbolLookup symbols) {
    this.symbols = symbols;
  }

  boolean has(String name) {
    return symbols.find(name).isPresent();
  }

  /** Says what the parameters of a function are. */
  @SuppressWarnings("restricted")
  NativeFunctions declare(String name, MemoryLayout... parameters) {
    handles.put(
        name,
        Linker.nativeLinker()
            .downcallHandle(
                symbols.findOrThrow(name), FunctionDescriptor.of(JAVA_INT, parameters)));
    return this;
  }

  /**
   * Calls a function that was declared.
   *
   * @throws IllegalStateException if it does not return 0
   */
  void call(String name, Object... arguments) {
    MethodHandle handle = handles.get(name);
    if (handle == null) {
      throw new IllegalArgumentException(name + " was not declared");
    }
    int status;
    try {
      status = (int) handle.invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new IllegalStateException(name, e);
    }
    if (status != 0) {
      throw new IllegalStateException(name + " fails with status " + status);
    }
  }
}
