// How far a calibration is, on standard error: one line that is rewritten on a terminal, lines elsewhere.
#pragma once

#include <string>

#include "calibrate/campaign.hpp"

namespace perfmodel {

class CalibrateView : public CampaignView {
 public:
  explicit CalibrateView(bool terminal) : terminal_(terminal) {}

  void step(std::string_view name, std::size_t index, std::size_t count, Seconds left) override;
  void progress(std::string_view what) override;
  void done(std::string_view name, Seconds took, std::size_t results) override;
  void skipped(std::string_view name, std::string_view reason) override;
  void failed(std::string_view name, std::string_view reason) override;
  void check_interrupt() override;

 private:
  void status(std::string_view what);
  void line(const std::string& text);

  bool terminal_;
  std::string head_;  // "[3/23] l2, about 7 min left"
};

}  // namespace perfmodel
