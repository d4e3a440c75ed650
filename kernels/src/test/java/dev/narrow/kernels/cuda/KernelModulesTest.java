package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which file a module is loaded from. */
class KernelModulesTest {
  /** The first of those that are shipped, as a device of this kind would take it. */
  @ParameterizedTest
  @CsvSource({
    "12000, 7, 5, m.sm_75.ptx",
    "12000, 8, 0, m.sm_80.ptx",
    "12000, 8, 9, m.sm_80.ptx",
    "12000, 9, 0, m.sm_90.ptx",
    "13000, 7, 5, m.sm_75.ptx",
    "13000, 8, 9, m.sm_80.ptx",
    "13000, 9, 0, m.sm_90.cubin",
    "13000, 10, 0, m.sm_90.ptx",
    "13010, 12, 1, m.sm_90.ptx"
  })
  void theBestThatADeviceAndItsDriverTake(int driver, int major, int minor, String expected) {
    List<String> shipped = List.of("m.sm_75.ptx", "m.sm_80.ptx", "m.sm_90.ptx", "m.sm_90.cubin");
    assertEquals(
        expected,
        KernelModules.resources("m", driver, major, minor).stream()
            .filter(shipped::contains)
            .findFirst()
            .orElseThrow());
  }

  @ParameterizedTest
  @CsvSource({
    "12000, 9, 0, g.sm_90a.ptx",
    "13000, 9, 0, g.sm_90a.cubin",
    "13000, 8, 9, g.sm_86.cubin",
    "13000, 8, 0, none",
    "13000, 10, 0, none"
  })
  void whatIsForOneKindAlone(int driver, int major, int minor, String expected) {
    List<String> shipped = List.of("g.sm_90a.ptx", "g.sm_90a.cubin", "g.sm_86.cubin");
    assertEquals(
        expected,
        KernelModules.resources("g", driver, major, minor).stream()
            .filter(shipped::contains)
            .findFirst()
            .orElse("none"));
  }
}
