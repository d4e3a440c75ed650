package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("djl")
class AbortWalkTest {
  private static final int FEWEST = 1500;

  @ParameterizedTest
  @CsvSource({
    "bf16, LIBTORCH",
    "bf16-out-f32, LIBTORCH",
    "fp16, LIBTORCH",
    "fp16, CASTS",
    "lns8, EMULATED"
  })
  void noOperationEndsTheProcess(String policy, String backend) throws Exception {
    ChildJvm.Result result = ChildJvm.run(AbortWalk.class, policy, backend);
    assertEquals(0, result.exitCode(), result::lastLine);
    String tried = result.lastLine();
    System.out.println("operations and types under " + policy + ", " + backend + ": " + tried);
    assertTrue(Integer.parseInt(tried.replaceAll("tried (\\d+).*", "$1")) >= FEWEST, tried);
    assertFalse(result.output().contains("ESCAPED"), "no array of an unknown type gets out");
  }

  /** What the walk would find: that the process does end where nobody takes care. */
  static final class Careless {
    public static void main(String[] arguments) {
      try (NDManager manager = NDManager.newBaseManager()) {
        var _ = manager.zeros(new Shape(1), DataType.valueOf(arguments[0]));
      }
    }
  }

  @Test
  void aTypeThatTheEngineDoesNotKnowEndsTheProcessWithoutUs() throws Exception {
    assertEquals(134, ChildJvm.run(Careless.class, "BFLOAT16").exitCode()); // SIGABRT
    assertEquals(0, ChildJvm.run(Careless.class, "FLOAT16").exitCode());
  }
}
