// SPDX-License-Identifier: Apache-2.0
// Rows of the tables out and gradients back in. Backward, the tokens are first put in the order of their ids (a
// counting sort, in which tokens of one id keep their order); then the tokens of each id lie side by side, and whoever
// stands at the first of them adds them all up. The work is linear in the tokens, also where one id has most of them.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/scratch.h"
#include "kernels/ops.h"
#include <cassert>

namespace shardscope::kernels::cuda {
namespace {

struct Occurrence {
    int32_t token;
    int32_t count; // of tokens with this id, at the first of them; 0 at the others
};

constexpr int ids_of_block = 256, sort_warps = 32, sum_warps = 8, few = warp_size;

// A block places the tokens of `ids_of_block` neighbouring ids, then those of the next that no other block takes: each
// warp goes through a part of all tokens, first to count them, then to place them.
__global__ void __launch_bounds__(sort_warps* warp_size)
    orderByIds(Occurrence* order, const int32_t* ids, int32_t tokens) {
    __shared__ int32_t places[sort_warps][ids_of_block]; // counts, then where the warp's next token of an id goes
    __shared__ int32_t counts[ids_of_block], starts[ids_of_block];
    constexpr int under_way = 8;
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int32_t share = (tokens / (sort_warps * warp_size) + 1) * warp_size;
    const int32_t begin = lesser(warp * share, tokens), end = lesser(begin + share, tokens);
    const auto forIds = [&](auto act) { // in the order of the tokens; by all lanes, -1 where there is none
        for (int32_t t = begin; t < end; t += under_way * warp_size) {
            int32_t loaded[under_way];
            SHARDSCOPE_UNROLL
            for (int u = 0; u < under_way; ++u) {
                const int32_t token = t + u * warp_size + lane;
                loaded[u] = token < end ? ids[token] : -1;
            }
            SHARDSCOPE_UNROLL
            for (int u = 0; u < under_way; ++u) act(t + u * warp_size + lane, loaded[u]);
        }
    };
    for (int64_t first = blockIdx.x * int64_t{ids_of_block};; first += gridDim.x * int64_t{ids_of_block}) {
        for (int i = lane; i < ids_of_block; i += warp_size) places[warp][i] = 0;
        __syncwarp();
        int32_t below = 0; // tokens with lower ids
        forIds([&](int32_t, int32_t id) {
            below += id >= 0 && id < first;
            if (id >= first && id < first + ids_of_block) atomicAdd(&places[warp][id - first], 1);
        });
        below = blockSum(below);
        if (below == tokens) return; // there are no higher ids
        const int i = threadIdx.x;
        if (i < ids_of_block) {
            int32_t count = 0; // until here, in the warps before
            for (int w = 0; w < sort_warps; ++w) {
                const int32_t of_warp = places[w][i];
                places[w][i] = count;
                count += of_warp;
            }
            counts[i] = count;
        }
        __syncthreads();
        if (i < ids_of_block) {
            int32_t start = below;
            for (int j = 0; j < i; ++j) start += counts[j];
            starts[i] = start;
            for (int w = 0; w < sort_warps; ++w) places[w][i] += start;
        }
        __syncthreads();
        forIds([&](int32_t token, int32_t id) {
            const bool own = id >= first && id < first + ids_of_block;
            for (unsigned waiting = __ballot_sync(whole_warp, own); waiting != 0; waiting &= waiting - 1) {
                if (lane == __ffs(static_cast<int>(waiting)) - 1) {
                    const int32_t place = places[warp][id - first]++;
                    order[place] = {token, place == starts[id - first] ? counts[id - first] : 0};
                }
                __syncwarp();
            }
        });
        __syncthreads();
    }
}

// Adds the rows of `count` tokens, in their order, at n channels. By a whole warp; lanes beyond the channels add none.
template <class T, int n>
__device__ void addRows(float (&sum)[n], const Occurrence* order, int32_t count, const T* dout, int64_t channels,
                        int64_t channel) {
    const int lane = threadIdx.x % warp_size;
    constexpr int under_way = 8;
    for (int32_t done = 0; done < count; done += warp_size) {
        const int32_t of_lane = done + lane < count ? order[done + lane].token : 0;
        const int32_t here = lesser(count - done, warp_size);
        for (int32_t j = 0; j < here; j += under_way) {
            Pack<T, n> rows[under_way];
            SHARDSCOPE_UNROLL
            for (int u = 0; u < under_way; ++u) {
                const int64_t token = __shfl_sync(whole_warp, of_lane, lesser(j + u, warp_size - 1));
                if (j + u < here && channel < channels) rows[u] = loadPack<n>(dout + token * channels + channel);
            }
            SHARDSCOPE_UNROLL
            for (int u = 0; u < under_way; ++u) {
                if (j + u >= here || channel >= channels) break;
                float row[n];
                widen(row, rows[u]);
                SHARDSCOPE_UNROLL
                for (int k = 0; k < n; ++k) sum[k] += row[k];
            }
        }
    }
}

// One warp per token and 32 n channels, of which that at the first token of an id does the work. Ids with many tokens
// are shared by the warps of the block, each of which adds a part of the tokens; the parts are added in order.
template <class T, int n>
__global__ void __launch_bounds__(sum_warps* warp_size)
    sumByIds(T* dwte, const T* dout, const int32_t* ids, const Occurrence* order, int32_t tokens, int64_t channels) {
    __shared__ Occurrence of_warps[sum_warps];
    __shared__ float parts[sum_warps][warp_size][n];
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int64_t chunks = (channels + warp_size * n - 1) / (warp_size * n);
    const int64_t channel = (blockIdx.x % chunks * warp_size + lane) * n;
    const int64_t place = blockIdx.x / chunks * sum_warps;
    const Occurrence own = place + warp < tokens ? order[place + warp] : Occurrence{0, 0};
    if (lane == 0) of_warps[warp] = own;
    if (own.count > 0 && own.count <= few) {
        T* row = dwte + ids[own.token] * channels + channel;
        float sum[n] = {};
        if (channel < channels) loadFloats(sum, row);
        addRows(sum, order + place + warp, own.count, dout, channels, channel);
        if (channel < channels) storeRounded(row, sum);
    }
    __syncthreads();
    for (int w = 0; w < sum_warps; ++w) {
        const Occurrence many = of_warps[w];
        if (many.count <= few) continue;
        const int32_t share = (many.count + sum_warps - 1) / sum_warps, first = lesser(warp * share, many.count);
        float sum[n] = {};
        addRows(sum, order + place + w + first, lesser(share, many.count - first), dout, channels, channel);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) parts[warp][lane][k] = sum[k];
        __syncthreads();
        if (warp == 0 && channel < channels) {
            T* row = dwte + ids[many.token] * channels + channel;
            loadFloats(sum, row);
            for (int p = 0; p < sum_warps; ++p) {
                SHARDSCOPE_UNROLL
                for (int k = 0; k < n; ++k) sum[k] += parts[p][lane][k];
            }
            storeRounded(row, sum);
        }
        __syncthreads();
    }
}

template <class T> struct EmbeddingForward {
    static constexpr int resident = 5;
    T* out;
    const int32_t* ids;
    const T *wte, *wpe; // wpe may be null
    int64_t sequence, channels;
    template <int n> struct Loaded { Pack<T, n> row, position; };
    template <int n> __device__ Loaded<n> load(int64_t i) const {
        const int64_t token = i / channels, c = i - token * channels;
        Loaded<n> loaded = {};
        loaded.row = loadPack<n>(wte + ids[token] * channels + c);
        if (wpe) loaded.position = loadPack<n>(wpe + token % sequence * channels + c);
        return loaded;
    }
    template <int n> __device__ void finish(int64_t i, const Loaded<n>& loaded) const {
        float row[n], position[n];
        widen(row, loaded.row);
        widen(position, loaded.position);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) row[k] += position[k];
        storeRounded(out + i, row);
    }
};

// A position's gradients of all samples, in order; zero for positions beyond the sequence.
template <class T> struct PositionBackward {
    static constexpr int resident = 3;
    T* dwpe;
    const T* dout;
    int64_t batch, of_sample; // elements
    template <int n> struct Loaded { float sum[n]; };
    template <int n> __device__ Loaded<n> load(int64_t i) const {
        Loaded<n> loaded = {};
        if (i >= of_sample) return loaded;
#ifdef __CUDACC__
#pragma unroll 4
#endif
        for (int64_t b = 0; b < batch; ++b) {
            float row[n];
            loadFloats(row, dout + b * of_sample + i);
            SHARDSCOPE_UNROLL
            for (int k = 0; k < n; ++k) loaded.sum[k] += row[k];
        }
        return loaded;
    }
    template <int n> __device__ void finish(int64_t i, const Loaded<n>& loaded) const {
        storeRounded(dwpe + i, loaded.sum);
    }
};

} // namespace

template <class T>
void embeddingForward(T* out, const int32_t* ids, const T* wte, const T* wpe, int64_t batch, int64_t sequence,
                      int64_t channels) {
    constexpr int n = pack_elements<T>;
    forPacks<n>("embedding_forward", packingOfRows<n>(batch * sequence * channels, channels, out, wte, wpe),
                EmbeddingForward<T>{out, ids, wte, wpe, sequence, channels});
}

template <class T>
void embeddingBackward(T* dwte, T* dwpe, const T* dout, const int32_t* ids, int64_t batch, int64_t sequence,
                       int64_t channels, int64_t context) {
    constexpr int n = pack_elements<T>;
    const int64_t tokens = batch * sequence;
    assert(tokens <= INT32_MAX - 1024);
    auto* order = scratch<Occurrence>(tokens);
    launch("embedding_order", Grid{std::min(deviceLimits().multiprocessors, 256), sort_warps * warp_size}, orderByIds,
           order, ids, tokens);
    const auto sum = [&](auto kernel, int64_t of_lane) {
        const int64_t chunks = (channels + warp_size * of_lane - 1) / (warp_size * of_lane);
        launch("embedding_backward", Grid{(tokens + sum_warps - 1) / sum_warps * chunks, sum_warps * warp_size}, kernel,
               dwte, dout, ids, order, tokens, channels);
    };
    if (channels % n == 0 && startsPack<n>(dwte, dout))
        sum(sumByIds<T, n>, n);
    else
        sum(sumByIds<T, 1>, 1);
    if (!dwpe) return;
    forPacks<n>("position_backward", packingOfRows<n>(context * channels, sequence * channels, dwpe, dout),
                PositionBackward<T>{dwpe, dout, batch, sequence * channels});
}

#define INSTANTIATE(T)                                                                                                 \
    template void embeddingForward(T*, const int32_t*, const T*, const T*, int64_t, int64_t, int64_t);                 \
    template void embeddingBackward(T*, T*, const T*, const int32_t*, int64_t, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
