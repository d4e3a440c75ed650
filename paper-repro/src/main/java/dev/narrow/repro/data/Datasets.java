package dev.narrow.repro.data;

import dev.narrow.formats.Names;
import java.util.List;

/** The data sets by name. */
public final class Datasets {
  private static final List<String> NAMES = List.of("glyphs", "optdigits", "mnist");

  private Datasets() {}

  /**
   * The valid names.
   *
   * @return {@code glyphs}, which needs no file, {@code optdigits} and {@code mnist}
   */
  public static List<String> names() {
    return NAMES;
  }

  /**
   * A data set.
   *
   * @param name one of {@link #names()}
   * @param locator finds the files of a published one
   * @return the data set, its content verified
   * @throws DataException if there is no such name or its files cannot be had as published
   */
  public static Dataset load(String name, DataLocator locator) {
    return switch (name) {
      case "glyphs" -> Glyphs.standard();
      case "optdigits" -> Optdigits.PUBLISHED.load(locator);
      case "mnist" -> Mnist.PUBLISHED.load(locator);
      default -> throw unknown(name);
    };
  }

  private static DataException unknown(String name) {
    return new DataException(
        "unknown data set '" + name + "', expected one of " + Names.nearest(name, NAMES));
  }
}
