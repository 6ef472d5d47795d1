// SPDX-License-Identifier: Apache-2.0
// The maths of a training step of GPT-2 and LLaMA models. The same functions exist twice: `reference::` is the plain
// definition, `cpu::` the fast version; both for T = float, bfloat16 and float16 (explicitly instantiated; ops of two
// types in every combination). All matrices are row-major and dense; weights are [out, in]. Sums are float and rounded
// to T once. Results depend on nothing but the inputs: not on alignment, on how a range is cut into calls (elementwise
// ops), nor on the number of threads that call different ops. No function keeps memory beyond small per-thread scratch;
// larger scratch is a `workspace` argument.
#pragma once
#include "kernels/dtype.h"
#include <cstdint>
#include <span>

namespace shardscope::kernels {

struct AttentionShape {
    int64_t batch, sequence, channels, heads; // channels = heads * head size
    int64_t kv_heads = 0;                     // key/value heads, a divisor of heads; 0: as many as heads
    int64_t headSize() const { return channels / heads; }
    int64_t keyHeads() const { return kv_heads ? kv_heads : heads; }
    int64_t qkvChannels() const { return (heads + 2 * keyHeads()) * headSize(); } // of one token
};

struct AdamWStep { // Loshchilov & Hutter 2019, algorithm 2; the bias corrections are 1 - beta^t, t = 1, 2, ...
    float learning_rate, beta1, beta2, epsilon, weight_decay;
    float bias_correction1, bias_correction2;
    float gradient_scale = 1; // multiplied onto every gradient first: clipping, loss scale
};

// Operands that are part of a wider matrix, and products that are added to what is there.
struct MatmulLayout {
    int64_t ldx = 0;         // elements from row to row of x (or dx); 0: k
    int64_t ldo = 0;         // of out (or dout); 0: n
    bool accumulate = false; // out (dx; dw and dbias) += instead of =
};

// Threads a single op may use in the calling thread: that one and helpers which it keeps. At first as many as cores.
void setThreadsPerOp(int threads);
int64_t attentionWorkspaceElements(AttentionShape); // floats, for both directions and every implementation

#define SHARDSCOPE_KERNEL_DECLARATIONS                                                                                 \
    /* out [tokens, C] = wte[ids] + wpe[position], tokens = batch * sequence; wpe may be null */                       \
    template <class T>                                                                                                 \
    void embeddingForward(T* out, const int32_t* ids, const T* wte, const T* wpe, int64_t batch, int64_t sequence,     \
                          int64_t channels);                                                                           \
    /* dwte [V, C] is added to (rows that occur in ids, summed in token order); dwpe [context, C] is overwritten,      \
       rows beyond `sequence` with zero, or null */                                                                    \
    template <class T>                                                                                                 \
    void embeddingBackward(T* dwte, T* dwpe, const T* dout, const int32_t* ids, int64_t batch, int64_t sequence,       \
                           int64_t channels, int64_t context);                                                         \
    /* out [rows, C]; mean, rstd [rows]; epsilon 1e-5 */                                                               \
    template <class T>                                                                                                 \
    void layernormForward(T* out, float* mean, float* rstd, const T* x, const T* weight, const T* bias, int64_t rows,  \
                          int64_t channels);                                                                           \
    /* dx = dresidual (may be null; may alias dx) + d layernorm; dweight, dbias overwritten */                         \
    template <class T>                                                                                                 \
    void layernormBackward(T* dx, T* dweight, T* dbias, const T* dout, const T* dresidual, const T* x,                 \
                           const T* weight, const float* mean, const float* rstd, int64_t rows, int64_t channels);     \
    /* RMSNorm (Zhang & Sennrich 2019): out [rows, C] = x * rstd * weight, rstd [rows] = 1/sqrt(mean(x^2) + epsilon)   \
     */                                                                                                                \
    template <class T>                                                                                                 \
    void rmsnormForward(T* out, float* rstd, const T* x, const T* weight, int64_t rows, int64_t channels,              \
                        float epsilon);                                                                                \
    /* dx = dresidual (may be null; may alias dx) + d rmsnorm; dweight overwritten */                                  \
    template <class T>                                                                                                 \
    void rmsnormBackward(T* dx, T* dweight, const T* dout, const T* dresidual, const T* x, const T* weight,            \
                         const float* rstd, int64_t rows, int64_t channels);                                           \
    /* out [rows, N] = x [rows, K] * w^T + bias; w [N, K]; bias [N] or null */                                         \
    template <class T>                                                                                                 \
    void matmulForward(T* out, const T* x, const T* w, const T* bias, int64_t rows, int64_t n, int64_t k,              \
                       MatmulLayout layout = {});                                                                      \
    /* dx [rows, K] = dout [rows, N] * w */                                                                            \
    template <class T>                                                                                                 \
    void matmulBackwardInput(T* dx, const T* dout, const T* w, int64_t rows, int64_t n, int64_t k,                     \
                             MatmulLayout layout = {});                                                                \
    /* dw [N, K] = dout^T * x, dbias [N] = column sums of dout; both overwritten, either may be null (x with dw) */    \
    template <class T>                                                                                                 \
    void matmulBackwardWeight(T* dw, T* dbias, const T* dout, const T* x, int64_t rows, int64_t n, int64_t k,          \
                              MatmulLayout layout = {});                                                               \
    /* rotary position embedding (Su et al. 2021) in Hugging Face's rotate-half convention, in place on the q and k    \
       heads of qkv [B, S, (heads + 2 kv_heads) D]: elements i and i + D/2 of a head turn by the angle                 \
       position * theta^(-2i/D); `inverse` turns back, which is the backward op. kv_heads 0: as many as heads */       \
    template <class T>                                                                                                 \
    void rope(T* qkv, int64_t batch, int64_t sequence, int64_t heads, int64_t kv_heads, int64_t head_dim, float theta, \
              bool inverse);                                                                                           \
    /* causal multi-head attention; with fewer kv_heads than heads, heads / kv_heads neighbouring query heads share    \
       one (Ainslie et al. 2023). qkv [B, S, qkvChannels()] (q, k, v), out [B, S, C], lse [B, heads, S] = log sum exp  \
       of the scaled scores; scale 1/sqrt(head size) */                                                                \
    template <class T> void attentionForward(T* out, float* lse, const T* qkv, float* workspace, AttentionShape);      \
    template <class T>                                                                                                 \
    void attentionBackward(T* dqkv, const T* dout, const T* out, const T* qkv, const float* lse, float* workspace,     \
                           AttentionShape);                                                                            \
    /* GELU, tanh form (Hendrycks & Gimpel 2016) as GPT-2 uses it */                                                   \
    template <class T> void geluForward(T* out, const T* x, int64_t elements);                                         \
    template <class T> void geluBackward(T* dx, const T* x, const T* dout, int64_t elements);                          \
    /* SwiGLU (Shazeer 2020): gate_up [rows, 2 ffn], gate first; out [rows, ffn] = gate / (1 + e^-gate) * up */        \
    template <class T> void swigluForward(T* out, const T* gate_up, int64_t rows, int64_t ffn);                        \
    /* dgate_up may alias gate_up */                                                                                   \
    template <class T> void swigluBackward(T* dgate_up, const T* gate_up, const T* dout, int64_t rows, int64_t ffn);   \
    /* out = x / (1 - p) where the hash of (key, element) lets it through, which has the probability 1 - p, else 0;    \
       0 <= p < 1; out may alias x. The same key on the gradient is the backward op. See dropoutKeeps in random.h */   \
    template <class T> void dropout(T* out, const T* x, int64_t elements, float p, uint64_t key);                      \
    template <class T> void residualForward(T* out, const T* a, const T* b, int64_t elements);                         \
    /* losses [rows] = -log softmax(logits)[target], dlogits (may alias logits) = scale * (softmax - onehot), a row at \
       a time while it is in the cache. Rows of `vocabulary` elements start `pitch` apart; what lies between is        \
       neither read nor written */                                                                                     \
    template <class T>                                                                                                 \
    void crossEntropy(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale, int64_t rows,   \
                      int64_t vocabulary, int64_t pitch);                                                              \
    /* master is updated and rounded into param; null: param is its own master, which only float is exact enough for   \
     */                                                                                                                \
    template <class T, class G = T>                                                                                    \
    void adamw(T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,            \
               const AdamWStep&);                                                                                      \
    /* sum = x if `first`, else sum + x; added in float and rounded once to D */                                       \
    template <class D, class S> void accumulate(D* sum, const S* x, int64_t elements, bool first);                     \
    /* sum of x^2 in double; in blocks of fixed size, so the bits depend on x alone */                                 \
    template <class T> double squaredSum(const T* x, int64_t elements);                                                \
    /* out = scale * (inputs[0] + inputs[1] + ...), added in this order in float, rounded once, written to every       \
       output; an output may alias an input */                                                                         \
    template <class T>                                                                                                 \
    void sumRanks(std::span<T* const> outputs, std::span<const T* const> inputs, float scale, int64_t elements);

namespace reference {
SHARDSCOPE_KERNEL_DECLARATIONS
}
namespace cpu {
SHARDSCOPE_KERNEL_DECLARATIONS
}
namespace cuda { // on device pointers; only where the CUDA kernels are built, see cuda/ops.h
SHARDSCOPE_KERNEL_DECLARATIONS
}
#undef SHARDSCOPE_KERNEL_DECLARATIONS

} // namespace shardscope::kernels
