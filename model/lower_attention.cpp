#include "model/lower.hpp"
namespace perfmodel {
Plan lower_attention(const Machine&, const Library&, const Attention&, const LowerOptions&) { Plan p; p.refusal="attention pending"; return p; }
}
