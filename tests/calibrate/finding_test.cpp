#include "calibrate/finding.hpp"

#include <doctest/doctest.h>

#include "tests/input_error.hpp"
#include "tests/temporary_folder.hpp"

namespace perfmodel {
namespace {

using test::error_of;
using test::TemporaryFolder;

Finding lop3() {
  Finding finding;
  finding.probe = "instructions";
  finding.case_name = "lop3";
  finding.quantity = "throughput";
  finding.value = {63.7, 0.001, 20};
  finding.unit = "/clk";
  finding.card = {Hertz(1.98e9), Hertz(3.2e9), Watts(161.26), 38};
  finding.sass = SassCheck::checked;
  finding.key = "pipes.alu.rate";
  return finding;
}

TEST_CASE("findings as CSV") {
  CHECK(findings_csv({lop3()}) ==
        "probe,case,quantity,value,unit,spread,samples,sm_mhz,power_w,temperature_c,sass,key,note\n"
        "instructions,lop3,throughput,63.70000,/clk,0.001,20,1980,161.3,38,checked,pipes.alu.rate,\n");
}

TEST_CASE("findings read back as they were written") {
  const TemporaryFolder folder;
  Finding rule = lop3();
  rule.case_name = "rule, stated";
  rule.value = {};
  rule.sass = SassCheck::unchecked;
  rule.note = "a CTA waits until the SM \"drains\"";
  const std::string text = findings_csv({lop3(), rule});
  const std::vector<Finding> read = load_findings(folder.write("probes.csv", text));
  REQUIRE(read.size() == 2);
  CHECK(read[0].value.median == 63.7);
  CHECK(read[0].value.samples == 20);
  CHECK(read[0].card.sm_clock == Hertz(1.98e9));
  CHECK(read[0].sass == SassCheck::checked);
  CHECK(read[1].case_name == "rule, stated");
  CHECK(read[1].note == rule.note);
  CHECK(findings_csv(read) == text);
}

TEST_CASE("repetitions that disagree leave no value") {
  Finding finding = lop3();
  finding.value.spread = 0.2;
  CHECK(findings_csv({finding}).find("throughput,,/clk,0.2,20,") != std::string::npos);
}

TEST_CASE("every fault of a findings file is told") {
  const TemporaryFolder folder;
  const std::string path =
      folder.write("probes.csv",
                   "probe,case,quantity,value,unit,spread,samples,sm_mhz,power_w,temperature_c,sass,key,note\n"
                   "a,b,c,fast,/clk,0,1,1980,1,1,checked,,\n"
                   "a,b,d,1,/clk,0,-1,1980,1,1,maybe,,\n");
  const std::string error = error_of([&] { static_cast<void>(load_findings(path)); });
  CHECK(error.find("probes.csv:2:7: error: 'value'") != std::string::npos);
  CHECK(error.find("probes.csv:3:16: error: 'samples'") != std::string::npos);
  CHECK(error.find("'sass'") != std::string::npos);
}

TEST_CASE("a file without the columns is refused") {
  const TemporaryFolder folder;
  const std::string path = folder.write("probes.csv", "probe,case\na,b\n");
  CHECK(error_of([&] { static_cast<void>(load_findings(path)); }).find("no column 'quantity'") != std::string::npos);
}

}  // namespace
}  // namespace perfmodel
