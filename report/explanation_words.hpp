// An explanation in words: sentences and facts that the text and Markdown views share.
#pragma once

#include <string>
#include <vector>

#include "report/explanation.hpp"
#include "report/words.hpp"

namespace perfmodel {

// What it is, how long it takes, what limits it.
std::vector<std::string> explanation_verdict(const Explanation& explanation);

std::vector<Fact> explanation_facts(const Explanation& explanation);

// How the kernel goes through the chip: "512 items on 132 CTAs of 384 threads, ...".
std::vector<std::string> course_words(const Course& course);

}  // namespace perfmodel
