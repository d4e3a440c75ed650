package dev.narrow.quant;

/** Counts the exponent fields of floats before and after, from how the two lie to one another. */
final class OctaveCounter {
  private static final int FIELDS = 256;
  private static final int DIRECTIONS = 5;
  private static final int TABLE = FIELDS * DIRECTIONS;

  /** One after the other is counted in, so that it need not wait for the one before it. */
  private static final int TABLES = 4;

  /** Ints are enough for the elements of a tensor. */
  private final int[] counts = new int[TABLES * TABLE];

  private final long[] farBefore = new long[FIELDS];
  private final long[] farAfter = new long[FIELDS];

  // Of the numbers that are far.
  private long zerosBefore;
  private long zerosAfter;
  private long infinitiesBefore;
  private long infinitiesAfter;

  /** Counts what {@link ErrorKernels#octaves} has found. */
  void count(int[] octaves, int n) {
    int[] table = counts;
    int whole = n & -TABLES;
    for (int i = 0; i < whole; i += TABLES) {
      table[octaves[i]]++;
      table[TABLE + octaves[i + 1]]++;
      table[2 * TABLE + octaves[i + 2]]++;
      table[3 * TABLE + octaves[i + 3]]++;
    }
    for (int i = whole; i < n; i++) {
      table[octaves[i]]++;
    }
  }

  /** Counts a {@link ErrorKernels#FAR} element, whose y is not zero unless x is not finite. */
  void countFar(float x, float y) {
    farBefore[ScalarErrorKernels.field(x)]++;
    farAfter[ScalarErrorKernels.field(y)]++;
    zerosBefore += x == 0 ? 1 : 0;
    zerosAfter += y == 0 ? 1 : 0;
    infinitiesBefore += Float.isInfinite(x) ? 1 : 0;
    infinitiesAfter += Float.isInfinite(y) ? 1 : 0;
  }

  private long counted(int direction, int field) {
    long sum = 0;
    for (int table = 0; table < TABLES; table++) {
      sum += counts[table * TABLE + direction * FIELDS + field];
    }
    return sum;
  }

  /** Numbers other than zero that became zero. */
  long flushed() {
    long sum = 0;
    for (int field = 0; field < ErrorKernels.ZERO_FIELD; field++) {
      sum += counted(ErrorKernels.ZERO, field);
    }
    return sum;
  }

  ExponentHistogram before() {
    long[] fields = farBefore.clone();
    for (int field = 0; field < ErrorKernels.ZERO_FIELD; field++) {
      for (int direction = 0; direction < ErrorKernels.FAR; direction++) {
        fields[field] += counted(direction, field);
      }
    }
    long zeros = counted(ErrorKernels.ZERO, ErrorKernels.ZERO_FIELD);
    fields[0] += zeros;
    return ExponentHistogram.of(fields, zeros + zerosBefore, infinitiesBefore);
  }

  ExponentHistogram after() {
    long[] fields = farAfter.clone();
    for (int field = 0; field < ErrorKernels.ZERO_FIELD; field++) {
      fields[field] += counted(ErrorKernels.SAME, field);
      fields[field + 1] += counted(ErrorKernels.UP, field);
      if (field > 0) {
        fields[field - 1] += counted(ErrorKernels.DOWN, field);
      }
    }
    long zeros = flushed() + counted(ErrorKernels.ZERO, ErrorKernels.ZERO_FIELD);
    fields[0] += zeros;
    return ExponentHistogram.of(fields, zeros + zerosAfter, infinitiesAfter);
  }
}
