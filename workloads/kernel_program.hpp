// A kernel program that an operator names in place of its code family's: the file, and the parameters set for it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/pipeline_file.hpp"

namespace perfmodel {

struct ProgramSetting {
  std::string name;  // of a parameter of the program
  double value = 0;

  bool operator==(const ProgramSetting&) const = default;
};

class KernelProgram {
 public:
  KernelProgram(std::shared_ptr<const PipelineFile> file, std::vector<ProgramSetting> settings)
      : file_(std::move(file)), settings_(std::move(settings)) {}

  // The program at that shape, with its settings. Throws InputError, as PipelineFile::pipeline does.
  [[nodiscard]] Pipeline pipeline(std::span<const SequenceParameter> shape = {}) const;
  // The same program with one parameter at another value.
  [[nodiscard]] KernelProgram with(const ProgramSetting& setting) const;
  // The same file with these settings alone.
  [[nodiscard]] KernelProgram with_settings(std::vector<ProgramSetting> settings) const {
    return {file_, std::move(settings)};
  }

  [[nodiscard]] const PipelineFile& file() const { return *file_; }
  [[nodiscard]] const std::vector<ProgramSetting>& settings() const { return settings_; }

 private:
  std::shared_ptr<const PipelineFile> file_;
  std::vector<ProgramSetting> settings_;
};

// Why a program cannot stand for that work ("'gemm_x' is a program for attention forward"); empty if it can.
std::string unfit(const Pipeline& program, const Work& work);

// The names of the parameters of a program file's `parameters`.
std::vector<std::string> parameter_names(const YamlNode& program_root);

// True for the root of a program file, as opposed to a block or operator.
bool is_program(const YamlNode& root);

// The operator that a program file is for, as the root of an operator file: its op, the program itself, and what the
// file's `problem` gives.
YamlNode operator_of_program(const YamlNode& root);

// Nothing if such an operator has all it needs; else throws InputError naming what is missing and how to give it.
void require_problem(const YamlNode& operator_root);

// The file that a program's name means: beside the file that names it, in the working directory, then shipped.
std::optional<std::string> find_program_file(const std::string& name, const std::string& named_in);

}  // namespace perfmodel
