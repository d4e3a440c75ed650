package dev.narrow.kernels.cuda;

import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Runs;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Tables of formats in the memory of a device, from their first use on: at most 256 KiB for the
 * values of the codes of a format, 400 KiB for the steps of a projection.
 */
final class CastTables {
  /** Binades of either sign. */
  private static final int BINADES = 512;

  private final CudaDevice device;
  private final Map<NumericFormat, DeviceStorage> values = new HashMap<>();
  private final Map<Integer, DeviceStorage> powers = new HashMap<>();
  private final Map<Key, Steps> steps = new HashMap<>();

  private record Key(NumericFormat format, Projection projection) {}

  private record Steps(DeviceStorage starts, DeviceStorage codes, DeviceStorage binades) {}

  CastTables(CudaDevice device) {
    this.device = device;
  }

  /** The float32 value of each code of a format of at most 16 bits. */
  synchronized long values(NumericFormat format) {
    return values
        .computeIfAbsent(
            format,
            f -> {
              float[] table = new float[1 << f.width()];
              for (int code = 0; code < table.length; code++) {
                table[code] = f.decode(code);
              }
              return copy(MemorySegment.ofArray(table));
            })
        .address();
  }

  /** {@link #significands}, on the device. */
  synchronized long powers(int gamma) {
    return powers
        .computeIfAbsent(gamma, g -> copy(MemorySegment.ofArray(significands(g))))
        .address();
  }

  /** The first significands of 24 bits not below 2^(j / gamma), for j below gamma. */
  static int[] significands(int gamma) {
    LogFormat binade = new LogFormat("binade", 16, gamma, 0, LogFormat.Zero.NONE);
    Projection floor = binade.defaultProjection().with(Rounding.TOWARD_ZERO);
    int[] significands = new int[gamma];
    for (int j = 0; j < gamma; j++) {
      float nearest = binade.decode(j);
      float first = binade.encode(nearest, floor) < j ? Math.nextUp(nearest) : nearest;
      significands[j] = (Float.floatToRawIntBits(first) & 0x7F_FFFF) | 0x80_0000;
    }
    return significands;
  }

  /** Adds the pointers of a step function: where its runs start, their codes, and its binades. */
  synchronized KernelStruct addSteps(
      NumericFormat format, Projection projection, KernelStruct struct) {
    Steps found = steps.computeIfAbsent(new Key(format, projection), this::steps);
    return struct
        .add(found.starts().address())
        .add(found.codes().address())
        .add(found.binades().address());
  }

  private Steps steps(Key key) {
    Runs runs = Runs.of(key.format(), key.projection());
    int[] starts = new int[runs.count()];
    short[] codes = new short[runs.count()];
    int[] binades = new int[BINADES + 1];
    int binade = 0;
    for (int run = 0; run < starts.length; run++) {
      starts[run] = runs.start(run);
      codes[run] = (short) runs.code(run);
      // binades that begin before this run does belong to the one before
      while (binade < BINADES && Integer.compareUnsigned(binade << 23, starts[run]) < 0) {
        binades[binade++] = run - 1;
      }
    }
    while (binade <= BINADES) {
      binades[binade++] = starts.length - 1;
    }
    return new Steps(
        copy(MemorySegment.ofArray(starts)),
        copy(MemorySegment.ofArray(codes)),
        copy(MemorySegment.ofArray(binades)));
  }

  private DeviceStorage copy(MemorySegment table) {
    DeviceStorage memory = device.table(table.byteSize(), "a table of a format");
    device.copyToDevice(table, memory.address());
    return memory;
  }
}
