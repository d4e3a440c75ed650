package dev.narrow.amp;

import dev.narrow.quant.Tensor;
import java.util.Map;

/** What one name of a {@link Checkpoint} stands for: a few texts, and tensors. */
interface Section {

  /** The plain values. */
  Map<String, String> texts();

  /** The tensors themselves, fp32 or codes with one level of scales. */
  Map<String, Tensor> tensors();

  /**
   * Checks texts, and changes nothing yet.
   *
   * @return puts them in place once the tensors are
   * @throws IllegalArgumentException if they are not those of this section
   */
  Runnable restore(Map<String, String> texts);

  /** Takes the tensor of a name: the same memory, other contents, and other scales if it has. */
  void put(String name, Tensor tensor);

  /** Plain values alone. */
  static Section of(Resumable part) {
    return new Section() {
      @Override
      public Map<String, String> texts() {
        return part.state();
      }

      @Override
      public Map<String, Tensor> tensors() {
        return Map.of();
      }

      @Override
      public Runnable restore(Map<String, String> texts) {
        return part.restore(texts);
      }

      @Override
      public void put(String name, Tensor tensor) {}
    };
  }

  /** An fp32 tensor alone. */
  static Section of(Tensor tensor) {
    return new Section() {
      @Override
      public Map<String, String> texts() {
        return Map.of();
      }

      @Override
      public Map<String, Tensor> tensors() {
        return Map.of("tensor", tensor);
      }

      @Override
      public Runnable restore(Map<String, String> texts) {
        return () -> {};
      }

      @Override
      public void put(String name, Tensor changed) {}
    };
  }
}
