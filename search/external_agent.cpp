// The external agent: any command, run in a box with a plain copy of the parent, what is known of it, the lineage to
// read and this program for questions. What it leaves under the names of a candidate's files is its proposal.
#include <fmt/format.h>

#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "search/search.hpp"
#include "support/data_path.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

constexpr std::string_view home = "/opt/perfmodel";
constexpr std::string_view notes_file = "notes.md";
constexpr std::size_t most_notes = std::size_t{16} << 10U;
constexpr std::size_t most_attempts = 16;

constexpr int most_submissions = 16;  // of the `submit` tool, in one session

std::string submission_file(int index) { return fmt::format("outbox/submission-{:04}.json", index); }

std::vector<AllowedFile> allowed_files() {
  std::vector<AllowedFile> files{{std::string(candidate_file), std::size_t{64} << 10U},
                                 {std::string(program_file), std::size_t{512} << 10U},
                                 {std::string(notes_file), most_notes}};
  for (int i = 0; i < most_submissions; ++i) files.push_back({submission_file(i), std::size_t{512} << 10U});
  return files;
}

constexpr std::string_view task = R"(# Task

Make the kernel design in this folder faster. It is described by

- candidate.json: settings of the program's parameters (or the columns of a library's kernel), and typed moves;
- program.yaml, where it is a program: roles, rings, operations (`perfmodel program check program.yaml` finds faults).

state.json says how it scores on each configuration, what limits it, what its critical cycle is, what was tried before and
how that ended, and what the supervisor says. The programs and rules of others: `perfmodel mcp` (mcp.json has the command),
or read them in $PERFMODEL_DATA/workloads and $PERFMODEL_DATA/search/knowledge.

Change candidate.json and program.yaml in place, and write what you did and why to notes.md. When your command ends, exactly
these three files are read, and what the tool `submit` of `perfmodel mcp` has put into outbox/; all must be plain files. The design counts if it does all of the work, fits the machine, and is
no slower than the best version so far. Work left out of a program scores zero.
)";

std::string lineage_folder(const Search& search) {
  return search.lineage() == nullptr ? "/nonexistent" : fs::absolute(search.lineage()->folder()).string();
}

std::string printable(const std::string& text, std::size_t most) {
  std::string clean;
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\t' || (byte >= ' ' && byte != 0x7f)) clean += c;
  }
  return clean;
}

class ExternalAgent final : public Variation {
 public:
  explicit ExternalAgent(ExternalCommand command) : command_(std::move(command)) {}

  [[nodiscard]] std::string_view name() const override { return "agent"; }

  bool step(Search& search) override {
    const Member parent = search.parent();
    const Json answer = Json::parse(search.outside("agent", [&] { return run(search, parent); }));
    for (const auto& refused : answer["refused"]) search.say("agent: not taken over: " + refused.get<std::string>());
    for (const auto& ignored : answer["ignored"]) search.say("agent: left lying: " + ignored.get<std::string>());
    const Json& files = answer["files"];
    bool any = false;
    for (int i = 0; i < most_submissions; ++i) {
      if (!files.contains(submission_file(i))) continue;
      any = true;
      const Json submission = Json::parse(files[submission_file(i)].get<std::string>(), nullptr, false);
      const bool sound = submission.is_object() && submission.contains("candidate");
      const std::string note = sound ? submission.value("note", Json("")).dump() : "";
      propose(search, parent, sound ? submission["candidate"].dump() : "", parent.design.program, note);
    }
    const auto file = [&](std::string_view name, const std::string& otherwise) {
      return files.contains(name) ? files[std::string(name)].get<std::string>() : otherwise;
    };
    const std::string program = parent.design.program.empty() ? "" : file(program_file, parent.design.program);
    const std::string candidate = file(candidate_file, candidate_json(parent.design));
    const bool same = program == parent.design.program && candidate == candidate_json(parent.design) + "\n";
    if (!same) propose(search, parent, candidate, program, file(notes_file, ""));
    if (same && !any) {
      lost(search, parent, answer["how"].get<std::string>() + ", nothing proposed");
    }
    return true;
  }

  void widen() override {
    direction_ = "The last attempts led nowhere. Leave this line, and try something of another kind.";
  }

 private:
  // Judges what was proposed, or says why it cannot be.
  void propose(Search& search, const Member& parent, const std::string& candidate, std::string program,
               const std::string& notes) {
    const std::string words = printable(notes, most_notes);
    try {
      const Design design = read_design(candidate, std::move(program));
      if (const std::string frozen = frozen_change(search.file(), design); !frozen.empty()) {
        lost(search, parent, frozen);
        return;
      }
      const Fitness fitness = search.judge({design, "", words.substr(0, words.find('\n')).substr(0, 200), "", words});
      note(search, fitness.correct() ? fmt::format("{:.1f} TFLOPS", fitness.geomean) : fitness.refusal);
    } catch (const InputError& error) {
      lost(search, parent,
           error.diagnostics().all().empty() ? error.what() : error.diagnostics().all().front().message);
    }
  }

  // An attempt without a design to judge: the supervisor counts it as one that was met before.
  void lost(Search& search, const Member& parent, const std::string& how) {
    note(search, how);
    search.judge({parent.design, "", "", "", ""});
  }

  void note(const Search& search, const std::string& how) {
    search.say("agent: " + how);
    attempts_.push_back(how);
    if (attempts_.size() > most_attempts) attempts_.pop_front();
  }

  [[nodiscard]] std::string state(const Search& search, const Member& parent) const {
    const DesignFacts facts = search.facts(parent.design, parent.fitness);
    Json json{{"fitness", Json::parse(fitness_json(parent.fitness))},
              {"best", search.best().fitness.geomean},
              {"limiter", facts.limiter},
              {"critical_cycle", facts.cycle},
              {"facts", facts.facts},
              {"parameters", facts.parameters},
              {"attempts", attempts_},
              {"supervisor", direction_}};
    for (const Operator& op : search.file().suite->configurations()) json["configurations"].push_back(op.name);
    json["versions"] = Json::array();
    if (search.lineage() != nullptr) {
      for (const LineageVersion& version : search.lineage()->versions()) json["versions"].push_back(version.subject);
    }
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

  // What it may read beside the system: this program, its data, the lineage.
  static SandboxOptions box_for(const Search& search, SandboxOptions box, std::string& program) {
    const std::string binary = fs::read_symlink("/proc/self/exe").string();
    const std::string inside(home);
    if (box.unsafe) {
      program = binary;
      box.environment.push_back("PERFMODEL_DATA=" + data_root());
      box.environment.push_back("LINEAGE=" + lineage_folder(search));
      return box;
    }
    program = inside + "/bin/perfmodel";
    box.readable.push_back({binary, program});
    for (const std::string folder : {"arch", "workloads", "search/knowledge"}) {
      const std::string host = data_path(folder);
      if (fs::exists(host)) box.readable.push_back({host, fmt::format("{}/share/{}", inside, folder)});
    }
    if (search.lineage() != nullptr) box.readable.push_back({lineage_folder(search), "/lineage"});
    for (std::string& variable : box.environment) {
      if (variable.starts_with("PATH=")) variable = fmt::format("PATH={}/bin:{}", inside, variable.substr(5));
    }
    box.environment.push_back(fmt::format("PERFMODEL_DATA={}/share", inside));
    box.environment.emplace_back("LINEAGE=/lineage");
    return box;
  }

  std::string run(const Search& search, const Member& parent) {
    std::string program;
    const SandboxOptions box = box_for(search, command_.box, program);
    const std::string lineage = box.unsafe ? lineage_folder(search) : "/lineage";
    std::vector<WorkFile> files = files_of(parent.design);
    files.push_back({"outbox/", ""});
    files.push_back({"TASK.md", std::string(task)});
    files.push_back({"state.json", state(search, parent)});
    const Json server{{"command", program},
                      {"args",
                       {"mcp", "--arch", search.file().machine, "--lineage", lineage, "--outbox",
                        box.unsafe ? "outbox" : fmt::format("{}/outbox", sandbox_folder)}}};
    files.push_back({"mcp.json", Json{{"mcpServers", {{"perfmodel", server}}}}.dump(1) + "\n"});
    direction_.clear();
    const SandboxResult result = run_in_sandbox(command_.command, files, allowed_files(), box);
    Json json{{"how", result.process.how()},
              {"refused", result.taken.refused},
              {"ignored", Json::array()},
              {"files", Json::object()}};
    for (const std::string& name : result.taken.ignored) {
      const bool given = name == "TASK.md" || name == "state.json" || name == "mcp.json" || name == "outbox";
      if (!given) json["ignored"].push_back(name);
    }
    for (const WorkFile& file : result.taken.files) json["files"][file.name] = file.bytes;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  ExternalCommand command_;
  std::deque<std::string> attempts_;
  std::string direction_;
};

}  // namespace

std::unique_ptr<Variation> make_external_agent(ExternalCommand command) {
  return std::make_unique<ExternalAgent>(std::move(command));
}

}  // namespace perfmodel
