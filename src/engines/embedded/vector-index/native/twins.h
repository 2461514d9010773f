/**
 * Slots whose vectors are equal to the last bit share one node of a graph: a picture that a gallery holds a thousand
 * times. As nodes of their own they would link to each other only, because nothing is nearer, and a search that reached
 * one of them would find no way out.
 */
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

class Twins {
  using Node = uint32_t;

 public:
  /** A slot without a node of its own, and the node that stands for it. */
  struct Twin {
    uint32_t slot;
    Node node;
  };

  size_t size() const { return all_.size(); }

  /** In the order of joining. */
  const Twin& at(size_t index) const { return all_[index]; }

  std::optional<Node> nodeOf(uint32_t slot) const { return found(nodes_, slot); }

  /** The latest node with this fingerprint of its vector; another vector may have the same one. */
  std::optional<Node> alike(uint32_t fingerprint) const { return found(alike_, fingerprint); }

  void know(uint32_t fingerprint, Node node) { alike_[fingerprint] = node; }

  void join(uint32_t slot, Node node) {
    nodes_[slot] = node;
    slots_[node].push_back(slot);
    all_.push_back({slot, node});
  }

  /** The slots for which the node stands beside its own. */
  const std::vector<uint32_t>& of(Node node) const {
    static const std::vector<uint32_t> none;
    const auto slots = slots_.find(node);
    return slots == slots_.end() ? none : slots->second;
  }

 private:
  using Nodes = std::unordered_map<uint32_t, Node>;

  static std::optional<Node> found(const Nodes& nodes, uint32_t key) {
    const auto node = nodes.find(key);
    return node == nodes.end() ? std::nullopt : std::optional<Node>(node->second);
  }

  std::vector<Twin> all_;
  /** By slot. */
  Nodes nodes_;
  /** By fingerprint. */
  Nodes alike_;
  std::unordered_map<Node, std::vector<uint32_t>> slots_;
};
