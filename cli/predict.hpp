// `perfmodel predict FILE.yaml|TABLE.csv|-`
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/machine_options.hpp"
#include "model/predict.hpp"
#include "support/diagnostic.hpp"
#include "workloads/library.hpp"

namespace CLI {
class App;
}

namespace perfmodel {

enum class Format { text, markdown, json, csv };

struct PredictCommand {
  std::string input;
  MachineChoice machine;
  std::optional<Regime> regime;
  Fidelity fidelity = Fidelity::pipeline;
  std::vector<std::string> settings;  // KEY=VALUE of --set, but for machine.*
  std::string compare;                // KEY or KEY=V1,V2,...
  std::optional<Format> format;
  std::string output;
  std::string timeline;
  bool strict = false;
};

// What files from standard input are called in messages.
inline constexpr std::string_view anonymous = "<stdin>";

// Blocks are sustained by default, operators in files of their own warm.
PredictOptions block_options(const Block& block, std::optional<Regime> regime, Fidelity fidelity);

// What comes from standard input without a name is called by what it is.
void name_if_anonymous(Block& block);

// True for text whose first line is the header of a table.
bool looks_like_table(std::string_view text);

// Blocks and operators that ship, and programs, as completion offers them: with .yaml.
std::vector<std::string> shipped_workloads();

// The values of --regime and --fidelity.
std::optional<Regime> regime_option(const std::string& text);
Fidelity fidelity_option(const std::string& text);
std::vector<std::string> regime_names();
const std::vector<std::string>& fidelity_names();

void add_predict_command(CLI::App& app, Context& context);

// The two kinds of input. `text` is what was read from standard input, empty otherwise.
void predict_block(const PredictCommand& command, const Context& context, const std::optional<std::string>& text);
void predict_table(const PredictCommand& command, const Library& library, const Context& context,
                   const std::optional<std::string>& text);

}  // namespace perfmodel
