// The parts that lines of the oracle's protocol are made of. Internal to this room; each throws InputError.
#pragma once

#include <simdjson.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "search/oracle.hpp"
#include "support/diagnostic.hpp"

namespace perfmodel {

inline constexpr std::size_t longest_id = 256;
inline constexpr std::size_t most_name = 256;
inline constexpr std::size_t most_settings = 256;

// What the parser found, in our words.
std::string words_of(simdjson::error_code error);
// The first fault in a line, its notes behind it.
std::string first_fault(const InputError& error);

// A table row, by the reader of tables; the keys are its columns.
Operator operator_of(const simdjson::dom::object& row);

std::string text_of(std::string_view key, const simdjson::dom::element& value, std::size_t longest);
std::vector<std::string> names_of(std::string_view key, const simdjson::dom::element& value, std::size_t most);
simdjson::dom::object object_of(std::string_view key, const simdjson::dom::element& value);

// "fidelity", "incumbent", "cut"
bool is_option(std::string_view key);
// False for another key.
bool read_option(std::string_view key, const simdjson::dom::element& value, ScoreOptions& options);

[[noreturn]] void unknown_key(std::string_view key, std::span<const std::string_view> known);

// The suite of that name, or of a list of table rows as objects; a fault if there is one already.
Suite suite_of(std::string_view key, const simdjson::dom::element& value, const std::optional<Suite>& already);

// From "kernel", or from "program", "moves" and "set", over a base. `whole`: the object has no other keys.
Candidate candidate_of(const simdjson::dom::object& object, const std::optional<Candidate>& base, bool whole);

// Values in the order of the columns: kernel columns, or parameters where the candidate is a program.
void set_values(const simdjson::dom::element& values, std::span<const std::string> columns, Candidate& candidate);

}  // namespace perfmodel
