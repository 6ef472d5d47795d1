// SPDX-License-Identifier: Apache-2.0
// What is known of a request before it runs: mistakes, remarks, the memory that each stage would take, and what each
// key does. Planning takes up to seconds, so a worker computes it; only the latest request counts, and what a newer one
// has made useless is given up between two plans.
#pragma once
#include "gui/run_request.h"
#include <QObject>
#include <QThreadPool>
#include <atomic>
#include <functional>
#include <memory>

namespace shardscope::gui {

struct KeyFact {
    std::string value;         // in effect, as the form writes it
    std::string default_value; // what it would be without the key
    std::string unit;          // "elements"
    std::string origin;        // given | default | derived
    std::string memory;        // "3.81 MiB", of one rank; empty: none
    std::string memory_of;     // "gradient buckets, being filled and being reduced"
    std::string no_effect;     // why it changes nothing here; empty: it acts
};

struct RunCheck {
    RunRequest request;
    std::map<std::string, std::string> problems, remarks; // by field
    std::map<std::string, KeyFact> keys;                  // empty while the JSON is not valid
    std::vector<PlannedStage> stages;                     // empty while there are problems
    std::vector<std::string> notices;                     // of the configuration and of the model
    std::string model;                                    // "4,820,992 parameters"
    std::string trace_path;                               // where it goes if the request leaves that open
    std::string context;                                  // "64", tokens
    bool complete = false; // stages and what keys do are known too; the first answer is without
};

// Units, defaults and values of a configuration that says nothing, for the first look.
const std::map<std::string, KeyFact>& defaultFacts();

// `tell` is called with what is known first, and with everything at the end; both times by the calling thread.
void checkRun(const RunRequest&, const std::function<bool()>& cancelled,
              const std::function<void(const RunCheck&)>& tell, const std::optional<KnownDevices>& devices = {});

class RunCheckJob : public QObject {
    Q_OBJECT
public:
    explicit RunCheckJob(QObject* parent = nullptr);
    ~RunCheckJob() override; // gives up what goes on and waits for it
    void request(const RunRequest&, const std::optional<KnownDevices>& = {});
    bool pending() const { return m_answered != m_wanted.load(); }

signals:
    void ready(const RunCheck&);

private:
    std::atomic<uint64_t> m_wanted{0}; // number of the latest request
    uint64_t m_answered = 0;
    QThreadPool m_pool;
};

} // namespace shardscope::gui
