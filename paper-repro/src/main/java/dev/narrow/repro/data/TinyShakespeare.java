package dev.narrow.repro.data;

import java.net.URI;
import java.nio.charset.StandardCharsets;

/** A million characters of Shakespeare's plays, as char-rnn has them: plain ASCII, 65 different. */
public final class TinyShakespeare {
  /** The name of the data set, and of its folder. */
  public static final String NAME = "tinyshakespeare";

  /** Who made it, and where it is published. */
  public static final String SOURCE =
      "Tiny Shakespeare, A. Karpathy, 2015, https://github.com/karpathy/char-rnn, public domain";

  static final PublishedFile PUBLISHED =
      new PublishedFile(
          NAME,
          "input.txt",
          URI.create(
              "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"),
          false,
          1_115_394,
          "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed");

  private TinyShakespeare() {}

  /**
   * The text.
   *
   * @throws DataException if it cannot be had as published
   */
  public static String load(DataLocator locator) {
    return new String(locator.read(PUBLISHED), StandardCharsets.US_ASCII);
  }
}
