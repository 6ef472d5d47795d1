// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/op_work.h"
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

namespace shardscope {
namespace {

double bytesOfOperand(const StepProgram& program, const Op& op, size_t i) {
    const Operand& o = op.operands[i];
    if (o.buffer == BufferId::none) return 0;
    const double once = static_cast<double>(o.elements) * static_cast<double>(bytesOf(program.buffer(o.buffer).dtype));
    return o.access == Access::read_write ? 2 * once : once;
}

// Of `table` rows no more than one per token are touched.
double rowsOfTokens(const StepProgram& program, const Op& op, size_t table) {
    if (op.operands[table].buffer == BufferId::none) return 0;
    const double channels = static_cast<double>(op.dims[2]);
    return static_cast<double>(op.dims[0] * op.dims[1]) * channels *
           static_cast<double>(bytesOf(program.buffer(op.operands[table].buffer).dtype));
}

// Pairs of query and key that the mask lets through, times the channels.
double attentionPairs(const OpDims& d) {
    return 0.5 * static_cast<double>(d[0] * d[2] * d[1]) * static_cast<double>(d[1] + 1);
}

} // namespace

OpWork workOf(const StepProgram& program, const Op& op) {
    OpWork work;
    if (op.kind != OpKind::compute || op.compute == ComputeKind::none) return work;
    const auto& d = op.dims;
    size_t scratch = op.operands.size(); // an operand that is no traffic of the op
    switch (op.compute) {
    case ComputeKind::matmul_forward:
    case ComputeKind::matmul_backward_input:
    case ComputeKind::matmul_backward_weight:
        work.flops = 2.0 * static_cast<double>(d[0]) * static_cast<double>(d[1]) * static_cast<double>(d[2]);
        break;
    case ComputeKind::attention_forward:
        work.flops = 4 * attentionPairs(d);
        scratch = 3;
        break;
    case ComputeKind::attention_backward:
        work.flops = 10 * attentionPairs(d);
        scratch = 5;
        break;
    case ComputeKind::embedding_forward: // out, ids, and the rows of two tables
        work.bytes = bytesOfOperand(program, op, 0) + bytesOfOperand(program, op, 1) + rowsOfTokens(program, op, 2) +
                     rowsOfTokens(program, op, 3);
        return work;
    case ComputeKind::embedding_backward: // rows of a table are read and written, dout is read for both
        work.bytes = 2 * rowsOfTokens(program, op, 0) + bytesOfOperand(program, op, 1) +
                     (op.operands[1].buffer == BufferId::none ? 1 : 2) * bytesOfOperand(program, op, 2) +
                     bytesOfOperand(program, op, 3);
        return work;
    default:
        break;
    }
    for (size_t i = 0; i < op.operands.size(); ++i)
        if (i != scratch) work.bytes += bytesOfOperand(program, op, i);
    return work;
}

std::string opWorkJson(const StepProgram& program) {
    std::map<std::tuple<std::string, double, double>, size_t> known;
    nlohmann::json kinds = nlohmann::json::array(), ops = nlohmann::json::array();
    for (const Op& op : program.ops) {
        const OpWork work = workOf(program, op);
        if (work.flops == 0 && work.bytes == 0) {
            ops.push_back(-1);
            continue;
        }
        const auto [at, fresh] = known.try_emplace({toText(op.compute), work.flops, work.bytes}, kinds.size());
        if (fresh) kinds.push_back({toText(op.compute), work.flops, work.bytes});
        ops.push_back(at->second);
    }
    return nlohmann::json{{"kinds", std::move(kinds)}, {"ops", std::move(ops)}}.dump();
}

} // namespace shardscope
