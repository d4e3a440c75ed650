package dev.narrow;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The direction of dependencies between modules, and what must be in none of them. */
class ArchitectureTest {
  /** From the foundation upward: each may use those before it. */
  private static final List<List<String>> LAYERS =
      List.of(
          List.of("dev.narrow.formats.."),
          List.of("dev.narrow.quant.."),
          List.of("dev.narrow.kernels.."),
          List.of("dev.narrow.amp.."),
          List.of("dev.narrow.bench.."),
          List.of("dev.narrow.repro..", "dev.narrow.cli.."));

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.narrow");

  @Test
  void everyModuleIsLookedAt() {
    for (List<String> layer : LAYERS) {
      String prefix = layer.getFirst().replace("..", "");
      assertTrue(
          CLASSES.stream().anyMatch(c -> c.getPackageName().startsWith(prefix)),
          "no class of " + prefix);
    }
  }

  @Test
  void modulesDependOnlyOnThoseBelowThem() {
    for (int lower = 0; lower < LAYERS.size(); lower++) {
      for (int higher = lower + 1; higher < LAYERS.size(); higher++) {
        noClasses()
            .that()
            .resideInAnyPackage(LAYERS.get(lower).toArray(String[]::new))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(LAYERS.get(higher).toArray(String[]::new))
            .check(CLASSES);
      }
    }
  }

  @Test
  void experimentsDoNotKnowTheCommand() {
    noClasses()
        .that()
        .resideInAPackage("dev.narrow.repro..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.narrow.cli..")
        .check(CLASSES);
  }

  @Test
  void formatsNeedsTheJdkAlone() {
    noClasses()
        .that()
        .resideInAPackage("dev.narrow.formats..")
        .should()
        .dependOnClassesThat()
        .resideOutsideOfPackages("dev.narrow.formats..", "java..", "jdk..", "org.jspecify..")
        .check(CLASSES);
  }

  @Test
  void nothingPublicIsInternal() {
    List<String> found =
        CLASSES.stream()
            .filter(c -> c.getPackageName().contains(".internal"))
            .filter(c -> c.getModifiers().contains(JavaModifier.PUBLIC))
            .map(JavaClass::getName)
            .toList();
    assertTrue(found.isEmpty(), "public in an internal package: " + found);
  }

  @Test
  void nobodyReachesIntoTheJdk() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("sun..", "jdk.internal..")
        .check(CLASSES);
  }
}
