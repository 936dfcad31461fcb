#include "model/program_runs.hpp"

#include <algorithm>
#include <utility>

namespace perfmodel {

namespace {

constexpr std::array<std::string_view, 7> words{"full_iterations", "masked_iterations", "head_dim", "head_dim_v",
                                                "element_bytes",   "dropout",           "causal"};

}  // namespace

ProgramShape shape_of(const Attention& attention, const ItemTiles& tiles) {
  const bool dropout = attention.dropout > 0 && attention.dropout_source == DropoutSource::fused;
  return {{tiles.full, tiles.masked, static_cast<double>(attention.head_dim), static_cast<double>(attention.head_dim_v),
           bytes_of(attention.dtype, 16).si() / 16, dropout ? 1.0 : 0.0, attention.causal ? 1.0 : 0.0},
          attention.dtype};
}

void ProgramRuns::start(const Machine& machine, const PipelineFile& file, std::span<const SequenceParameter> settings) {
  machine_ = &machine;
  file_ = &file;
  given_.resize(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) given_[i].name = words[i];
  given_.insert(given_.end(), settings.begin(), settings.end());
  made_count_ = 0;
  known_.clear();
  tiles_.clear();
}

std::span<const SequenceParameter> ProgramRuns::given(const ProgramShape& shape) {
  for (std::size_t i = 0; i < words.size(); ++i) given_[i].value = shape.words[i];
  return given_;
}

void ProgramRuns::evaluate(const ProgramShape& shape, EvaluatedPipeline& evaluated) {
  file_->pipeline(given(shape), evaluated);
  evaluated.pipeline.dtype = shape.dtype;
}

PipelineTile ProgramRuns::tile(const Attention& attention) {
  const ProgramShape shape = shape_of(attention, {1, 0});
  const auto found = std::ranges::find(tiles_, shape, &KnownTile::shape);
  if (found != tiles_.end()) return found->tile;
  return tiles_.emplace_back(shape, file_->tile(given(shape), tile_values_)).tile;
}

const HeadItems& ProgramRuns::items(const Attention& attention, const PipelineTile& tile) {
  const std::array<std::int64_t, 10> key{attention.batch,  attention.heads,  attention.seq_q,
                                         attention.seq_kv, attention.causal, static_cast<int>(attention.pass),
                                         tile.cta_m,       tile.cta_n,       tile.longest_first,
                                         tile.cluster};
  const auto found = std::ranges::find(items_, key, &KnownItems::key);
  if (found != items_.end()) return found->items;
  passing_items_ = head_items(attention, tile.cta_m, tile.cta_n, tile.longest_first, tile.cluster);
  constexpr std::size_t many = 4096;
  if (passing_items_.items.head.size() > many) return passing_items_;
  if (items_.size() < kept) items_.emplace_back();
  KnownItems& known = items_[items_made_++ % kept];
  known = {key, std::move(passing_items_)};
  return known.items;
}

ProgramRuns::Made* ProgramRuns::find(const ProgramShape& shape) {
  const auto end = made_.begin() + static_cast<std::ptrdiff_t>(std::min(made_count_, kept));
  const auto found = std::find_if(made_.begin(), end, [&](const Made& made) { return made.shape == shape; });
  return found == end ? nullptr : &*found;
}

ProgramRuns::Made& ProgramRuns::made(const ProgramShape& shape) {
  if (Made* known = find(shape)) return *known;
  Made& made = made_[made_count_ % kept];
  made.shape = {};  // of no program, should evaluation throw
  evaluate(shape, made.evaluated);
  made.done = made.pipeline().done();
  ++made_count_;
  made.shape = shape;
  made.code = nullptr;
  made.objection.reset();
  return made;
}

const std::shared_ptr<const SmCode>& ProgramRuns::code(Made& made, OpNames names) {
  const bool nameless = made.code != nullptr && names == OpNames::kept && made.code->op_names.empty();
  if (made.code == nullptr || nameless) made.code = code_again(*machine_, made.evaluated, made.priced, names);
  return made.code;
}

ItemTime ProgramRuns::time(const ProgramShape& shape, Fidelity fidelity) {
  const bool bound = fidelity == Fidelity::bound;
  for (const Known& known : known_) {
    if (known.bound == bound && known.shape == shape) return known.time;
  }
  ItemTime time;
  if (Made* made = find(shape)) {
    time = item_time(*code(*made, OpNames::left_out), made->pipeline().ctas_per_sm, fidelity);
  } else {
    evaluate(shape, passing_);
    const auto code = code_again(*machine_, passing_, passing_priced_, OpNames::left_out);
    time = item_time(*code, passing_.pipeline.ctas_per_sm, fidelity);
  }
  known_.push_back({shape, bound, time});
  return time;
}

}  // namespace perfmodel
