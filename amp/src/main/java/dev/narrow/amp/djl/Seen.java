package dev.narrow.amp.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/** An array as blocks see it: it stands for one of the engine's, and tells which. */
interface Seen {

  /** What is known of the array. */
  SeenArray seen();

  /** The engine's array, or the array itself if blocks have it from elsewhere. */
  static NDArray real(NDArray array) {
    return array instanceof Seen seen ? seen.seen().real() : array;
  }

  /** A manager as blocks see it. */
  interface Manager {
    /** The engine's. */
    NDManager realManager();
  }
}
