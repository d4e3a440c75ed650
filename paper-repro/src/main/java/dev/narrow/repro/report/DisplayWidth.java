package dev.narrow.repro.report;

/** How many terminal columns a text takes: as wcwidth does, from Unicode's East Asian Width. */
final class DisplayWidth {
  private static final int[][] WIDE = {
    {0x1100, 0x115f}, // Hangul leading consonants
    {0x2e80, 0x303e}, // CJK radicals, punctuation
    {0x3041, 0xa4cf}, // kana, CJK ideographs, Yi
    {0xac00, 0xd7a3}, // Hangul syllables
    {0xf900, 0xfaff}, // CJK compatibility ideographs
    {0xfe30, 0xfe6f}, // CJK compatibility and small forms
    {0xff00, 0xff60}, // fullwidth forms
    {0xffe0, 0xffe6},
    {0x20000, 0x3fffd}, // CJK extensions
  };

  private DisplayWidth() {}

  static int of(String text) {
    return text.codePoints().map(DisplayWidth::of).sum();
  }

  /** The text, or as much of it as fits with an ellipsis in so many columns. */
  static String truncate(String text, int columns) {
    if (of(text) <= columns) {
      return text;
    }
    StringBuilder out = new StringBuilder();
    int used = 1;
    for (int c : text.codePoints().toArray()) {
      used += of(c);
      if (used > columns) {
        break;
      }
      out.appendCodePoint(c);
    }
    return out.append('…').toString();
  }

  private static int of(int c) {
    return switch (Character.getType(c)) {
      case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.FORMAT -> 0;
      default -> wide(c) ? 2 : 1;
    };
  }

  private static boolean wide(int c) {
    for (int[] range : WIDE) {
      if (c >= range[0] && c <= range[1]) {
        return true;
      }
    }
    return Character.isEmojiPresentation(c);
  }
}
