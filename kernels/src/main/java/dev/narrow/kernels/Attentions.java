package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/** Attention: see {@link Backend} for what all operations have in common. */
public interface Attentions {

  /**
   * Scaled dot product attention (Vaswani et al., arXiv:1706.03762, section 3.2). In each sequence
   * and head, for the query of row i:
   *
   * <pre>
   *   s[j] = (sum over d of q[i][d] k[j][d]) scale
   *   p    = softmax(s[0], s[1], ...)                see {@link Normalizations#softmax}
   *   y[i] = (sum over j of p[j] v[j]) + 0
   * </pre>
   *
   * <p>Causal attention has j from 0 to i only, else j takes all keys. What is beyond has the score
   * -∞ and the probability +0, and is no term of any sum: an infinity or a NaN there is not seen.
   * Sums are those of {@link Products}, d and j ascending; adding 0 makes every zero +0.
   *
   * <p>Work space is bounded by blocks of queries. It changes no bit, and neither do threads, which
   * share sequences and heads.
   *
   * @param q queries, [sequences, queries, heads × dim], those of head h in the columns from h dim
   *     on
   * @param k keys, [sequences, keys, heads × dim]
   * @param v values, of k's shape
   * @param attention heads, dim, scale, and whether it is causal; it then takes as many keys as
   *     queries
   * @param y of q's shape
   */
  void attention(Tensor q, Tensor k, Tensor v, Attention attention, Tensor y);

  /**
   * The gradients of {@link #attention}, which are computed from its operands alone; scores and
   * probabilities are made again:
   *
   * <pre>
   *   dp[i][j] = sum over d of dy[i][d] v[j][d]
   *   ds[i][j] = ((dp[i][j] - sum over j of dp[i][j] p[i][j]) p[i][j]) scale
   *   dq[i]    = (sum over j of ds[i][j] k[j]) + 0
   *   dk[j]    = (sum over i of ds[i][j] q[i]) + 0
   *   dv[j]    = (sum over i of p[i][j] dy[i]) + 0
   * </pre>
   *
   * <p>The sum of dp p is that of {@link Normalizations#softmaxBackward}; the others are those of
   * {@link Products}, d, i and j ascending. Causal attention has terms with j at most i only.
   *
   * @param q as it was
   * @param k as it was
   * @param v as it was
   * @param attention as it was
   * @param dy of q's shape
   * @param dq of q's shape
   * @param dk of k's shape
   * @param dv of k's shape
   */
  void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      Attention attention,
      Tensor dy,
      Tensor dq,
      Tensor dk,
      Tensor dv);
}
