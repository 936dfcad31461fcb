#include "search/move.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "support/parse.hpp"
#include "support/suggest.hpp"

namespace perfmodel {

namespace {

YamlNode remade(const YamlNode& node, const std::function<void(YamlNode::Data&)>& change) {
  YamlNode::Data data;
  data.kind = node.kind();
  data.quoted = node.quoted();
  data.location = node.location();
  data.text = node.text();
  data.items = node.items();
  data.entries = node.entries();
  change(data);
  return YamlNode(std::make_shared<const YamlNode::Data>(std::move(data)));
}

YamlNode with_entry(const YamlNode& map, std::string_view key, const YamlNode& value) {
  return remade(map, [&](YamlNode::Data& data) {
    const auto found = std::ranges::find(data.entries, key, &YamlEntry::key);
    if (found != data.entries.end()) {
      found->value = value;
    } else {
      data.entries.push_back({std::string(key), map.location(), value});
    }
  });
}

YamlNode scalar(const YamlNode& near, std::string text) { return make_yaml_scalar(std::move(text), near.location()); }

YamlNode scalar(const YamlNode& near, std::int32_t value) { return scalar(near, fmt::format("{}", value)); }

std::vector<std::string> keys_of(const YamlNode& map) {
  std::vector<std::string> keys;
  for (const YamlEntry& entry : map.entries()) keys.push_back(entry.key);
  return keys;
}

[[noreturn]] void refuse(const YamlNode& program, const Move& move, const std::string& why) {
  throw InputError(program.location(), fmt::format("move '{}': {}", describe(move), why));
}

// The value of `target` in the program's map of roles or channels.
YamlNode named(const YamlNode& program, const Move& move, std::string_view section, const std::string& name) {
  const YamlNode map = program.find(section);
  const YamlNode found = map.find(name);
  if (found.is_map()) return found;
  Diagnostics faults;
  const std::vector<std::string> known = keys_of(map);
  faults
      .error(program.location(),
             fmt::format("move '{}': the program has no '{}' in its {}", describe(move), name, section))
      .suggest(name, known)
      .note(fmt::format("its {}: {}", section, join_names(known)));
  throw InputError(std::move(faults));
}

void require_range(const YamlNode& program, const Move& move, const IntegerRange& range) {
  if (move.value < range.min || move.value > range.max) {
    refuse(program, move, fmt::format("expected {}, not {}", describe(range), move.value));
  }
}

YamlNode with_field(const YamlNode& program, const Move& move, std::string_view section, std::string_view key,
                    const IntegerRange& range) {
  require_range(program, move, range);
  const YamlNode item = named(program, move, section, move.target);
  const YamlNode changed = with_entry(item, key, scalar(item, move.value));
  return with_entry(program, section, with_entry(program.find(section), move.target, changed));
}

// Every operation of every segment through `change`.
YamlNode with_operations(const YamlNode& program, const std::function<YamlNode(const YamlNode&)>& change) {
  const YamlNode segments = remade(program.find("segments"), [&](YamlNode::Data& list) {
    for (YamlNode& segment : list.items) {
      const YamlNode ops = remade(segment.find("ops"), [&](YamlNode::Data& data) {
        for (YamlNode& op : data.items) op = change(op);
      });
      segment = with_entry(segment, "ops", ops);
    }
  });
  return with_entry(program, "segments", segments);
}

YamlNode with_role(const YamlNode& op, const std::string& role) { return with_entry(op, "role", scalar(op, role)); }

YamlNode split_role(const YamlNode& program, const Move& move) {
  require_range(program, move, {.min = 1, .max = 32});
  const YamlNode from = named(program, move, "roles", move.target);
  if (!program.find("roles").find(move.other).is_missing()) {
    refuse(program, move, fmt::format("there is a role '{}' already", move.other));
  }
  if (move.other.empty() || move.operations.empty()) refuse(program, move, "it needs a new role's name and operations");
  std::size_t moved = 0;
  std::size_t left = 0;
  const YamlNode changed = with_operations(program, [&](const YamlNode& op) {
    if (op.find("role").text() != move.target) return op;
    const bool goes = std::ranges::find(move.operations, op.find("name").text()) != move.operations.end();
    ++(goes ? moved : left);
    return goes ? with_role(op, move.other) : op;
  });
  if (moved == 0) refuse(program, move, fmt::format("role '{}' has none of these operations", move.target));
  if (left == 0) refuse(program, move, fmt::format("role '{}' would have no operation left", move.target));
  const YamlNode role = with_entry(from, "warps", scalar(from, move.value));
  return with_entry(changed, "roles", with_entry(changed.find("roles"), move.other, role));
}

YamlNode merge_roles(const YamlNode& program, const Move& move) {
  const YamlNode into = named(program, move, "roles", move.target);
  const YamlNode from = named(program, move, "roles", move.other);
  if (move.target == move.other) refuse(program, move, "a role cannot join itself");
  if (into.find("when").text() != from.find("when").text()) {
    refuse(program, move, "one of the roles is there only at times");
  }
  const YamlNode changed = with_operations(program, [&](const YamlNode& op) {
    return op.find("role").text() == move.other ? with_role(op, move.target) : op;
  });
  // Its threads hold what those of either held.
  const YamlNode most =
      scalar(into, fmt::format("max({}, {})", into.find("registers").text(), from.find("registers").text()));
  const YamlNode roles = remade(with_entry(changed.find("roles"), move.target, with_entry(into, "registers", most)),
                                [&](YamlNode::Data& data) {
                                  std::erase_if(data.entries, [&](const YamlEntry& e) { return e.key == move.other; });
                                });
  return with_entry(changed, "roles", roles);
}

YamlNode branchless(const YamlNode& program, const Move& move) {
  require_range(program, move, {.min = 0, .max = 1});
  const YamlNode parameters = program.find("parameters");
  if (const YamlNode own = parameters.find("branchless"); !own.is_missing()) {
    const YamlNode value = scalar(own, move.value);
    const YamlNode changed = own.is_map() ? with_entry(own, "default", value) : value;
    return with_entry(program, "parameters", with_entry(parameters, "branchless", changed));
  }
  const std::string_view before = move.value == 1 ? "softmax_vote" : "softmax_select";
  const std::string_view after = move.value == 1 ? "softmax_select" : "softmax_vote";
  bool any = false;
  const YamlNode changed = with_operations(program, [&](const YamlNode& op) {
    const YamlNode does = op.find("does");
    if (does.find(before).is_missing()) return op;
    any = true;
    return with_entry(op, "does", remade(does, [&](YamlNode::Data& data) {
                        std::ranges::find(data.entries, before, &YamlEntry::key)->key = after;
                      }));
  });
  if (!any) refuse(program, move, fmt::format("no operation does '{}'", before));
  return changed;
}

YamlNode with_flag(const YamlNode& program, const Move& move, std::string_view key, std::string_view off,
                   std::string_view on) {
  require_range(program, move, {.min = 0, .max = 1});
  return with_entry(program, key, scalar(program, std::string(move.value == 1 ? on : off)));
}

}  // namespace

std::string describe(const Move& move) {
  std::string text(move_kind_names[static_cast<std::size_t>(move.kind)]);
  if (!move.target.empty()) text += ' ' + move.target;
  if (!move.other.empty()) text += ' ' + move.other;
  for (const std::string& operation : move.operations) text += ' ' + operation;
  if (move.kind != MoveKind::merge_roles) text += fmt::format(" {}", move.value);
  return text;
}

YamlNode apply(const YamlNode& program, const Move& move) {
  switch (move.kind) {
    case MoveKind::ring_depth: return with_field(program, move, "channels", "depth", {.min = 1, .max = 32});
    case MoveKind::registers: return with_field(program, move, "roles", "registers", {.min = 16, .max = 256});
    case MoveKind::warps: return with_field(program, move, "roles", "warps", {.min = 1, .max = 32});
    case MoveKind::split_role: return split_role(program, move);
    case MoveKind::merge_roles: return merge_roles(program, move);
    case MoveKind::branchless: return branchless(program, move);
    case MoveKind::persistent: return with_flag(program, move, "persistent", "false", "true");
    case MoveKind::order: return with_flag(program, move, "order", "natural", "longest_first");
    case MoveKind::ctas_per_sm: break;
  }
  require_range(program, move, {.min = 1, .max = 32});
  return with_entry(program, "ctas_per_sm", scalar(program, move.value));
}

}  // namespace perfmodel
