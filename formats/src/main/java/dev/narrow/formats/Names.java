package dev.narrow.formats;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Valid names near an invalid one, for messages. */
public final class Names {
  private static final int SHOWN = 3;
  private static final int LONGEST = 60;

  private Names() {}

  /**
   * The valid names at the smallest edit distance, up to three, the nearest first, separated by
   * commas.
   *
   * @param name what was given; upper and lower case are the same
   * @param valid what could have been given, in lower case
   */
  public static String nearest(String name, Collection<String> valid) {
    String key = shown(name.strip()).toLowerCase(Locale.ROOT);
    List<String> sorted =
        valid.stream().sorted(Comparator.comparingInt(v -> editDistance(v, key))).toList();
    return String.join(", ", sorted.subList(0, Math.min(SHOWN, sorted.size())));
  }

  /**
   * What a message shows of a name: all of it, or its beginning if it is long.
   *
   * @param name what was given
   */
  public static String shown(String name) {
    return name.length() <= LONGEST ? name : name.substring(0, LONGEST) + "...";
  }

  /** Levenshtein's distance: the fewest insertions, deletions and substitutions. */
  private static int editDistance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substitution = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substitution, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
