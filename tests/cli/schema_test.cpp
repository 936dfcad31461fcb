// Holds every JSON document of `predict` to docs/predict.schema.json.
#ifdef PERFMODEL_BINARY

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/cli/process.hpp"

namespace perfmodel {
namespace {

using nlohmann::json;
using test::run;

// As much of JSON Schema as the file uses. Faults are collected as "path: what".
class Validator {
 public:
  explicit Validator(json schema) : schema_(std::move(schema)) {}

  std::vector<std::string> faults(const json& document) {
    faults_.clear();
    check(document, schema_, "$");
    return faults_;
  }

 private:
  void fault(const std::string& path, const std::string& what) { faults_.push_back(path + ": " + what); }

  void check(const json& value, const json& schema, const std::string& path) {
    for (const auto& [keyword, argument] : schema.items()) {
      if (keyword == "$ref") {
        check(value, schema_.at(json::json_pointer(argument.get<std::string>().substr(1))), path);
      } else if (keyword == "type") {
        if (!has_type(value, argument)) fault(path, "is no " + argument.dump());
      } else if (keyword == "const") {
        if (value != argument) fault(path, "is not " + argument.dump());
      } else if (keyword == "enum") {
        if (std::ranges::find(argument, value) == argument.end()) fault(path, value.dump() + " is not in the list");
      } else if (keyword == "minimum") {
        if (value.is_number() && value < argument) fault(path, value.dump() + " is too small");
      } else if (keyword == "maximum") {
        if (value.is_number() && value > argument) fault(path, value.dump() + " is too large");
      } else if (keyword == "exclusiveMinimum") {
        if (value.is_number() && value <= argument) fault(path, value.dump() + " is too small");
      } else if (keyword == "required") {
        for (const json& key : argument) {
          if (!value.contains(key.get<std::string>())) fault(path, "lacks " + key.dump());
        }
      } else if (keyword == "properties" || keyword == "additionalProperties") {
        check_properties(value, schema, keyword, path);
      } else if (keyword == "items") {
        for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
          check(value[i], argument, path + "[" + std::to_string(i) + "]");
        }
      } else if (keyword == "oneOf") {
        check_one_of(value, argument, path);
      } else {
        const bool silent = keyword == "title" || keyword == "$schema" || keyword == "$defs";
        REQUIRE_MESSAGE(silent, "unknown schema keyword " << keyword);
      }
    }
  }

  void check_properties(const json& value, const json& schema, const std::string& keyword, const std::string& path) {
    if (!value.is_object()) return;
    const json properties = schema.value("properties", json::object());
    for (const auto& [key, member] : value.items()) {
      const bool listed = properties.contains(key);
      if (keyword == "properties" && listed) check(member, properties[key], path + "." + key);
      if (keyword != "additionalProperties" || listed) continue;
      if (schema[keyword].is_boolean()) {
        fault(path, "'" + key + "' is not in the schema");
      } else {
        check(member, schema[keyword], path + "." + key);
      }
    }
  }

  void check_one_of(const json& value, const json& choices, const std::string& path) {
    std::vector<std::vector<std::string>> attempts;
    const std::vector<std::string> before = std::exchange(faults_, {});
    std::size_t fitting = 0;
    for (const json& choice : choices) {
      faults_.clear();
      check(value, choice, path);
      fitting += faults_.empty() ? 1 : 0;
      attempts.push_back(faults_);
    }
    faults_ = before;
    if (fitting == 1) return;
    if (fitting > 1) return fault(path, "fits several choices");
    // The attempt that came closest explains best.
    const auto& nearest = *std::ranges::min_element(attempts, {}, [](const auto& found) { return found.size(); });
    faults_.insert(faults_.end(), nearest.begin(), nearest.end());
  }

  static bool has_type(const json& value, const json& type) {
    if (type.is_array()) return std::ranges::any_of(type, [&](const json& one) { return has_type(value, one); });
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "number") return value.is_number();
    if (type == "integer") return value.is_number_integer();
    if (type == "boolean") return value.is_boolean();
    return value.is_null();
  }

  json schema_;
  std::vector<std::string> faults_;
};

Validator schema() {
  std::ifstream file(std::string(PERFMODEL_ROOT_DIR) + "/docs/predict.schema.json");
  return Validator(json::parse(file));
}

void check_document(const std::string& arguments, const std::string& kind, const std::string& input = "") {
  CAPTURE(arguments);
  const test::Result result = run(arguments, input);
  REQUIRE(result.exit == 0);
  const json document = json::parse(result.out);
  CHECK(document["kind"] == kind);
  std::string all;
  for (const std::string& fault : schema().faults(document)) all += fault + "\n";
  CHECK(all == "");
}

const std::string rows =
    "op,m,n,k,dtype,impl,batch,heads,seq_q,head_dim,pass,dropout,elements,rounds,bits,kind,bytes,model,operators,seq,"
    "rng_elements,rng_rounds,rng_bits,regime\n"
    "gemm,4096,4096,4096,bf16,cublas-99,,,,,,,,,,,,,,,,,,\n"
    "gemm,4096,4096,4096,nvfp4,,,,,,,,,,,,,,,,,,,\n"
    "attention,,,,bf16,cudnn,4,16,2048,128,bwd,0.1,,,,,,,,,,,,sustained\n"
    "rng,,,,,,,,,,,,100000000,7,8,,,,,,,,,\n"
    "membound,,,,bf16,,,,,,,,,,,copy,1000000000,,,,,,,\n"
    "block,,,,fp8,,1,,,,fwd,0.1,,,,,,llama2_7b,matmul,4096,,,,\n"
    "overlap,4096,4096,4096,bf16,,,,,,,,,,,,,,,,100000000,7,8,\n";

TEST_CASE("a block") {
  check_document("predict llama2_block.yaml --arch h100-sxm --json", "block");
  check_document("predict llama2_block.yaml --arch b200 --json --set pass=training --set dropout=0", "block");
  check_document("predict llama2_block.yaml --arch b200 --json --set dropout_mode=overlapped --set seq=512", "block");
}

TEST_CASE("a sweep") {
  check_document("whatif llama2_block.yaml --sweep arch=h100-sxm,a100-sxm,b200 --sweep seq=512,4096 --json", "sweep");
  check_document("whatif llama2_block.yaml --arch b200 --set dropout_mode=overlapped --sweep seq=512,4096 --json", "sweep");
}

TEST_CASE("an operator") {
  check_document("predict - --arch h100-sxm --json", "operator", "op: gemm\nm: 512\nn: 512\nk: 512\ndtype: bf16\n");
}

TEST_CASE("a table of every op, feasible or not") {
  check_document("predict - --arch h100-sxm --json", "table", rows);
  check_document("predict - --arch all --json", "table", rows);
}

TEST_CASE("a comparison") {
  check_document("predict llama2_block.yaml --arch all --json", "comparison");
  check_document("predict llama2_block.yaml --arch h100-sxm --compare dtype --json", "comparison");
}

TEST_CASE("the validator itself finds faults") {
  json document = json::parse(run("predict llama2_block.yaml --arch h100-sxm --json").out);
  document["prediction"].erase("limiter");
  document["prediction"]["operators"][0]["utilisation"]["tensor"] = 1.5;
  document["surprise"] = 1;
  const std::vector<std::string> faults = schema().faults(document);
  CHECK(faults.size() == 3);
}

}  // namespace
}  // namespace perfmodel

#endif
