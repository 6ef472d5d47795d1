// SPDX-License-Identifier: Apache-2.0
// The fields of the Run form as one table: every key of the DeepSpeed JSON that acts here, and what the command line
// takes beside it. Units, defaults and what is in effect are not written here; the engine's reading of the
// configuration tells them (run_check.h).
#pragma once
#include "gui/run_request.h"
#include <span>

namespace shardscope::gui {

enum class FieldGroup { model, zero, batch, optimizer, offload, activations, output };
inline constexpr std::array all_field_groups = {FieldGroup::model,     FieldGroup::zero,    FieldGroup::batch,
                                                FieldGroup::optimizer, FieldGroup::offload, FieldGroup::activations,
                                                FieldGroup::output};
const char* groupTitle(FieldGroup);

enum class FieldKind {
    number,      // a key, or a number of the request
    text,        // a key whose value is a text
    list,        // a key whose value is a JSON array
    word,        // a key with one of several values, see `words`
    name,        // of the request: a name of a list or something typed: a model's file, a link's numbers
    file,        // of the request: a file to read
    new_file,    // of the request: a file to write
    folder,      // of the request
    stage,       // zero_optimization.stage
    precision,   // bf16.enabled and fp16.enabled
    devices,     // of the request: GPUs in the order of the ranks
    swap_folder, // nvme_path of both offload sections
};

struct FieldSpec {
    const char* name;  // the key of the JSON, or the name of what stands beside it
    const char* label; // as the form writes it
    FieldGroup group;
    FieldKind kind;
    const char* help;                         // one sentence: what it does
    const char* words = "";                   // "host=cpu|NVMe=nvme": shown and JSON; the first one leaves the key out
    const char* alias = "";                   // another spelling of the key that DeepSpeed reads
    std::string RunRequest::*value = nullptr; // set: no key of the JSON
    bool is_key() const { return value == nullptr; }
};

std::span<const FieldSpec> runFields();
bool isCommon(const FieldSpec&);                     // shown at once; the others where they are given or asked for
const FieldSpec* findField(const std::string& name); // also by its alias; null: none
// The spelling of a field's key that the text uses.
std::string spelledKey(const FieldSpec&, const std::string& config);

} // namespace shardscope::gui
