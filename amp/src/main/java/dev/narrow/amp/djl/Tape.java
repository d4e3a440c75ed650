package dev.narrow.amp.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.narrow.amp.Role;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the graph of a pass is cut so that gradients can be rounded on their way back, for which
 * DJL has no hook. What a cut operation returns goes on as a leaf of the graph; the backward pass
 * goes from cut to cut, last to first, and hands the rounded gradient of the leaf to the operation
 * that it was cut from, as the cotangent of a vector-Jacobian product. Everything that reads a leaf
 * was made after it, so that its gradient is complete when its turn comes, whatever the graph.
 */
final class Tape {

  private record Cut(Pass pass, String op, LayerPlan plan, NDArray result, NDArray leaf) {}

  private final List<Cut> cuts = new ArrayList<>();

  /** The leaf that goes on in the place of a result. */
  NDArray cut(Pass pass, String op, LayerPlan plan, NDArray result) {
    NDArray leaf = pass.own(result.stopGradient());
    leaf.setRequiresGradient(true);
    cuts.add(new Cut(pass, op, plan, pass.own(result), leaf));
    return leaf;
  }

  /** Whether nothing is cut. */
  boolean isEmpty() {
    return cuts.isEmpty();
  }

  /** Forgets the cuts of a pass that has no backward pass, or has had it. */
  void clear() {
    cuts.clear();
  }

  /** The backward pass of a number. */
  void backward(NDArray target) {
    try (NDArray seed = target.getManager().ones(target.getShape(), target.getDataType())) {
      // What two parts of the graph share is gone through twice, and must stay.
      JniUtils.backward((PtNDArray) target, (PtNDArray) seed, true, false);
      for (Cut cut : cuts.reversed()) {
        NDArray gradient = JniUtils.getGradient((PtNDArray) cut.leaf);
        if (gradient != null) {
          NDArray rounded =
              cut.pass.round(cut.op, cut.plan, Role.ACTIVATION_GRADIENT, cut.pass.own(gradient));
          JniUtils.backward((PtNDArray) cut.result, (PtNDArray) rounded, true, false);
        }
      }
    } finally {
      clear();
    }
  }
}
