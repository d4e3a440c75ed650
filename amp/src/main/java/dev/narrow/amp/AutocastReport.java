package dev.narrow.amp;

import java.util.List;
import java.util.Locale;

/**
 * What operations did under an {@link Autocast}, in all its regions.
 *
 * @param policy name of the policy
 * @param regions how many were opened
 * @param operations how often each operation ran, by name
 * @param casts what was cast, by layer and role
 */
public record AutocastReport(
    String policy, long regions, List<Operation> operations, List<Casts> casts) {

  /**
   * An operation.
   *
   * @param name of the operation
   * @param kind how the policy treated it
   * @param listed whether a list of the policy has it: what none has follows its operands
   * @param count how often it ran
   */
  public record Operation(String name, OpClass kind, boolean listed, long count) {}

  /**
   * The casts of a role in a layer.
   *
   * @param layer name of the layer
   * @param role of the tensors
   * @param casts how many tensors were cast
   * @param reused how often an earlier cast served again
   * @param bytesBefore of all that was cast
   * @param bytesAfter of the same as codes with their scales
   * @param nanos time that the casts took, in nanoseconds
   */
  public record Casts(
      String layer,
      Role role,
      long casts,
      long reused,
      long bytesBefore,
      long bytesAfter,
      long nanos) {

    /** What the codes take less. */
    public long bytesSaved() {
      return bytesBefore - bytesAfter;
    }
  }

  /** How many operations ran under the policy's control. */
  public long covered() {
    return operations.stream().mapToLong(Operation::count).sum();
  }

  /** The names of operations that no list has, and that followed their operands. */
  public List<String> unlisted() {
    return operations.stream().filter(op -> !op.listed()).map(Operation::name).distinct().toList();
  }

  /** Two tables in plain text. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    text.append("autocast %s: %d regions, %d operations%n".formatted(policy, regions, covered()));
    for (Operation op : operations) {
      text.append(
          "  %-28s %-8s %10d%s%n"
              .formatted(
                  op.name(),
                  op.kind().name().toLowerCase(Locale.ROOT),
                  op.count(),
                  op.listed() ? "" : "  in no list"));
    }
    for (Casts c : casts) {
      text.append(
          "  %-24s %s %10d casts %10d reused %10.3f MB saved %10.3f ms%n"
              .formatted(
                  c.layer(),
                  c.role().letter(),
                  c.casts(),
                  c.reused(),
                  c.bytesSaved() / 1e6,
                  c.nanos() / 1e6));
    }
    return text.toString();
  }
}
