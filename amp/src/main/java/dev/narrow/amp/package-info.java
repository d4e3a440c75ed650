/** Training in mixed precision: policy, loss scaling and optimizers. */
package dev.narrow.amp;
