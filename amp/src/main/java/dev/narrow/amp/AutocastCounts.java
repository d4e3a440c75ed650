package dev.narrow.amp;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** Counters behind an {@link AutocastReport}. Safe for use by several threads. */
final class AutocastCounts {
  private record Operation(String name, OpClass kind, boolean listed) {}

  private record Place(String layer, Role role) {}

  private static final class Casts {
    final LongAdder casts = new LongAdder();
    final LongAdder reused = new LongAdder();
    final LongAdder bytesBefore = new LongAdder();
    final LongAdder bytesAfter = new LongAdder();
    final LongAdder nanos = new LongAdder();
  }

  private final Map<Operation, LongAdder> operations = new ConcurrentHashMap<>();
  private final Map<Place, Casts> places = new ConcurrentHashMap<>();

  void operation(String name, OpClass kind, boolean listed) {
    operations.computeIfAbsent(new Operation(name, kind, listed), _ -> new LongAdder()).increment();
  }

  void reused(String layer, Role role) {
    place(layer, role).reused.increment();
  }

  void cast(String layer, Role role, Tensor from, Quantizer quantizer, Scales scales, long nanos) {
    Casts casts = place(layer, role);
    casts.casts.increment();
    casts.nanos.add(nanos);
    casts.bytesBefore.add(from.packedBytes());
    casts.bytesAfter.add(Tensor.packedBytes(from.shape(), quantizer.format(), scales));
  }

  private Casts place(String layer, Role role) {
    return places.computeIfAbsent(new Place(layer, role), _ -> new Casts());
  }

  AutocastReport report(AmpPolicy policy, long regions) {
    List<AutocastReport.Operation> ops =
        operations.entrySet().stream()
            .map(entry -> {
              Operation op = entry.getKey();
              return new AutocastReport.Operation(
                  op.name, op.kind, op.listed, entry.getValue().sum());
            })
            .sorted(Comparator.comparing(AutocastReport.Operation::name))
            .toList();
    List<AutocastReport.Casts> casts =
        places.entrySet().stream()
            .map(entry -> {
              Casts c = entry.getValue();
              return new AutocastReport.Casts(
                  entry.getKey().layer,
                  entry.getKey().role,
                  c.casts.sum(),
                  c.reused.sum(),
                  c.bytesBefore.sum(),
                  c.bytesAfter.sum(),
                  c.nanos.sum());
            })
            .sorted(
                Comparator.comparing(AutocastReport.Casts::layer)
                    .thenComparing(AutocastReport.Casts::role))
            .toList();
    return new AutocastReport(policy.name(), regions, ops, casts);
  }
}
