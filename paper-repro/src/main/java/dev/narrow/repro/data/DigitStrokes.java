package dev.narrow.repro.data;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The ten digits as pen strokes, each in two ways of writing it. A stroke is a polyline: x and y in
 * turn, in 1/64 of a pixel from the middle of the digit, y downward. Digits are about 380 wide and
 * 680 high.
 */
final class DigitStrokes {
  /** round(1024 cos(k / 16 turn)). */
  private static final int[] COSINE = {
    1024, 946, 724, 392, 0, -392, -724, -946, -1024, -946, -724, -392, 0, 392, 724, 946
  };

  private static final List<List<List<int[]>>> DIGITS =
      List.of(
          List.of( // 0: a wide or a narrow oval
              List.of(arc(0, 0, 190, 340, 12, 28)), List.of(arc(0, 0, 150, 340, 13, 29))),
          List.of( // 1: with and without an upstroke
              List.of(line(-110, -210, 20, -340, 20, 340)), List.of(line(0, -340, 0, 340))),
          List.of( // 2: with a straight foot or a loop
              List.of(join(arc(0, -160, 180, 180, 9, 18), line(-190, 340, 190, 340))),
              List.of(
                  join(
                      arc(0, -160, 180, 180, 8, 19),
                      arc(-120, 260, 80, 80, 12, 4),
                      line(190, 330)))),
          List.of( // 3: with a round or a flat top
              List.of(join(arc(-10, -175, 170, 165, 9, 20), arc(-10, 165, 190, 175, 12, 23))),
              List.of(
                  join(line(-170, -340, 160, -340, -20, -70), arc(-10, 130, 190, 210, 13, 23)))),
          List.of( // 4: slanting or upright
              List.of(line(60, -340, -190, 120, 190, 120), line(80, -100, 80, 340)),
              List.of(line(-150, -340, -170, 20, 170, 20), line(140, -340, 140, 340))),
          List.of( // 5: in one stroke or with the flag on its own
              List.of(
                  join(line(170, -340, -140, -340, -160, -30), arc(-10, 120, 190, 210, 11, 22))),
              List.of(
                  join(line(-130, -340, -150, -40), arc(-10, 130, 190, 200, 11, 23)),
                  line(-130, -340, 170, -340))),
          List.of( // 6: with a curved or a straight back
              List.of(join(arc(60, 100, 240, 430, 13, 8), arc(0, 150, 180, 190, 8, -8))),
              List.of(join(line(90, -340, -110, -20), arc(0, 150, 170, 190, 9, -7)))),
          List.of( // 7: without and with a bar
              List.of(line(-190, -340, 190, -340, -50, 340)),
              List.of(line(-190, -340, 190, -340, -50, 340), line(-90, 10, 160, 10))),
          List.of( // 8: two rings or one stroke that starts at the top right
              List.of(arc(0, -175, 150, 165, 4, 20), arc(0, 165, 190, 175, 12, 28)),
              List.of(
                  join(
                      arc(0, -175, 160, 165, 15, 4),
                      arc(0, 165, 180, 175, 12, 28),
                      arc(0, -175, 160, 165, 4, 0)))),
          List.of( // 9: with a straight or a curved back
              List.of(join(arc(0, -150, 180, 190, 0, -16), line(130, 340))),
              List.of(join(arc(0, -150, 180, 190, 0, -16), arc(-60, -100, 240, 430, 0, 5)))));

  private DigitStrokes() {}

  /** The ways of writing a digit, 0 to 9, each a list of strokes. */
  static List<List<int[]>> of(int digit) {
    return DIGITS.get(digit);
  }

  private static int[] line(int... points) {
    return points;
  }

  /** Along an ellipse, in steps of 1/16 turn; 0 is right, 4 the bottom, 8 left, 12 the top. */
  private static int[] arc(int cx, int cy, int rx, int ry, int from, int to) {
    int step = Integer.signum(to - from);
    int[] points = new int[2 * (Math.abs(to - from) + 1)];
    for (int i = 0; i < points.length; i += 2) {
      int k = from + step * (i / 2);
      points[i] = cx + rx * COSINE[k & 15] / 1024;
      points[i + 1] = cy + ry * COSINE[(k - 4) & 15] / 1024; // the sine
    }
    return points;
  }

  /** One stroke through all of these in turn. */
  private static int[] join(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(IntStream::of).toArray();
  }
}
