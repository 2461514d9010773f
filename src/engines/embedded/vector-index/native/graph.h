/**
 * An HNSW graph over the vectors of slots, which are rows. Slots with equal vectors share a node (`twins.h`). A written
 * graph contains fingerprints of the vectors instead of them.
 *
 * A graph is read in three steps: its nodes arrive (`take`, then `check`), their vectors arrive (`attach`), and `settle`
 * makes it searchable. Everything read is checked before it is used: a damaged file causes an error, never a wild pointer.
 */
#pragma once
#include <algorithm>
#include <stdexcept>
#include <tuple>
#include "layers.h"
#include "rows.h"
#include "twins.h"

class Graph {
  using Node = Layers::Node;

 public:
  Graph(std::shared_ptr<Rows> rows, Layers::Settings settings)
      : rows_(std::move(rows)), layers_(rows_->dimension, settings) {}

  /** Slots: those with a node of their own, and their twins. */
  size_t count() const { return layers_.count() + twins_.size(); }

  /** @param index below `count` */
  uint32_t slotAt(size_t index) const {
    return index < layers_.count() ? layers_.slotOf(index) : twins_.at(index - layers_.count()).slot;
  }

  void insert(uint32_t slot, size_t row) {
    requireSettled();
    if (has(slot)) throw std::invalid_argument("the slot is in the graph");
    const float* vector = rowAt(row);
    const uint32_t print = fingerprint(vector, rows_->dimension);
    const auto node = twins_.alike(print);
    if (node && std::memcmp(layers_.vectorOf(*node), vector, rows_->dimension * sizeof(float)) == 0) {
      twins_.join(slot, *node);
      return;
    }
    twins_.know(print, layers_.link(slot, vector));
  }

  /** Nearest first. @returns how many were found, at most `count` */
  size_t search(const float* query, size_t ef, uint32_t* slots, float* scores, size_t count) {
    requireSettled();
    if (this->count() == 0) return 0;
    auto nearest = layers_.search(query, std::max(ef, count));
    while (nearest.size() > count) nearest.pop();
    std::vector<Layers::Near> ranked(nearest.size());
    for (size_t i = ranked.size(); i-- > 0; nearest.pop()) ranked[i] = nearest.top();
    size_t found = 0;
    const auto add = [&](uint32_t slot, float to) {
      if (found == count) return;
      slots[found] = slot;
      scores[found++] = 1.0f - to;
    };
    for (const auto& [to, node] : ranked) {
      add(layers_.slotOf(node), to);
      if (twins_.size() == 0) continue;
      for (const uint32_t twin : twins_.of(node)) add(twin, to);
    }
    return found;
  }

  /**
   * Appends slots to `out`. One with a node: slot, fingerprint, level; then for each layer, from the base up, the number of
   * links and the links. A twin: slot, node, `twinMark`.
   */
  void nodes(size_t from, size_t to, std::vector<uint32_t>& out) const {
    requireSettled();
    for (size_t node = from; node < std::min(to, layers_.count()); node++) {
      const int level = layers_.levelOf(node);
      out.push_back(layers_.slotOf(node));
      out.push_back(fingerprint(layers_.vectorOf(node), rows_->dimension));
      out.push_back(static_cast<uint32_t>(level));
      for (int layer = 0; layer <= level; layer++) {
        const auto* links = layers_.linksOf(node, layer);
        out.insert(out.end(), links, links + 1 + Layers::listSize(links));
      }
    }
    for (size_t index = std::max(from, layers_.count()); index < to; index++) {
      const auto& twin = twins_.at(index - layers_.count());
      out.insert(out.end(), {twin.slot, twin.node, twinMark});
    }
  }

  /** Adds the next slots of a written graph of `total` slots, for which this graph must have room. */
  void take(const uint32_t* words, size_t size, size_t total) {
    if (total > layers_.capacity()) throw std::invalid_argument("the graph is too small for its nodes");
    if (layers_.count() != fingerprints_.size()) throw std::logic_error("the graph has nodes of its own");
    settled_ = false;
    for (size_t at = 0; at < size;) {
      if (size - at < 3 || count() == total) throw std::invalid_argument("it does not end with its nodes");
      const uint32_t slot = words[at], level = words[at + 2];
      if (has(slot)) throw std::invalid_argument("a slot is there twice");
      if (level == twinMark) {
        if (words[at + 1] >= layers_.count()) throw std::invalid_argument("a twin has no node");
        twins_.join(slot, words[at + 1]);
        at += 3;
        continue;
      }
      if (level > maxLevel) throw std::invalid_argument("a node is impossible");
      fingerprints_.push_back(words[at + 1]);
      Node node = layers_.add(slot, static_cast<int>(level));
      twins_.know(fingerprints_.back(), node);
      at += 3;
      for (uint32_t layer = 0; layer <= level; layer++) {
        const uint32_t links = at < size ? words[at] : UINT32_MAX;
        if (links > layers_.linksMax(layer) || size - at - 1 < links)
          throw std::invalid_argument("a node has too many links");
        for (uint32_t link = 1; link <= links; link++)
          if (words[at + link] >= total) throw std::invalid_argument("a link leads nowhere");
        std::memcpy(layers_.linksOf(node, layer), words + at, (1 + links) * sizeof(uint32_t));
        at += 1 + links;
      }
    }
  }

  /** Ends `take`. @param total slots that the graph must have */
  void check(size_t total) const {
    if (count() != total) throw std::invalid_argument("nodes are missing");
    for (size_t node = 0; node < layers_.count(); node++)
      for (int layer = 0; layer <= layers_.levelOf(node); layer++) {
        const auto* links = layers_.linksOf(node, layer);
        for (size_t link = 1; link <= Layers::listSize(links); link++)
          if (links[link] >= layers_.count() || layers_.levelOf(links[link]) < layer)
            throw std::invalid_argument("a link leads to a missing node or layer");
      }
  }

  /** Assigns a vector to a slot that was taken. @returns whether its node was linked with this vector */
  bool attach(uint32_t slot, size_t row) {
    const auto own = layers_.nodeOf(slot);
    const auto node = own ? own : twins_.nodeOf(slot);
    if (settled_ || !node) throw std::invalid_argument("the slot awaits no vector");
    const float* vector = rowAt(row);
    // the picture of the node itself may have been removed
    if (own || layers_.vectorOf(*node) == nullptr) layers_.setVector(*node, vector);
    return fingerprint(vector, rows_->dimension) == fingerprints_[*node];
  }

  /**
   * Makes the graph searchable. Searches still pass through nodes whose pictures were removed, so each gets a stand-in for
   * its vector: that of its most central neighbour.
   */
  void settle() {
    check(count());
    std::vector<Node> waiting;
    for (size_t node = 0; node < layers_.count(); node++)
      if (layers_.vectorOf(node) == nullptr) waiting.push_back(node);
    // Repeated for nodes that have only such neighbours; if no path leads to a vector, any vector will do.
    while (!waiting.empty()) {
      std::vector<Node> left;
      std::vector<std::pair<Node, const float*>> found;
      for (const Node node : waiting) {
        const float* vector = standIn(node);
        if (vector == nullptr) left.push_back(node);
        else found.emplace_back(node, vector);
      }
      if (found.empty()) {
        for (const Node node : left) layers_.setVector(node, rowAt(0));
        break;
      }
      for (const auto& [node, vector] : found) layers_.setVector(node, vector);
      waiting = std::move(left);
    }
    fingerprints_ = {};
    settled_ = true;
  }

 private:
  bool has(uint32_t slot) const { return layers_.nodeOf(slot) || twins_.nodeOf(slot); }

  /** Each level has `m` times fewer nodes than the one below: 2³² nodes have at most 32 levels. */
  static constexpr uint32_t maxLevel = 32;
  /** In place of a level. */
  static constexpr uint32_t twinMark = UINT32_MAX;

  const float* rowAt(size_t row) const {
    if (row >= rows_->size()) throw std::invalid_argument("there is no such row");
    return rows_->at(row);
  }

  void requireSettled() const {
    if (!settled_) throw std::logic_error("the graph is incomplete");
  }

  const float* standIn(Node node) const {
    const auto* links = layers_.linksOf(node, 0);
    const size_t dimension = rows_->dimension;
    std::vector<float> middle(dimension);
    for (size_t link = 1; link <= Layers::listSize(links); link++)
      if (const float* vector = layers_.vectorOf(links[link]))
        for (size_t i = 0; i < dimension; i++) middle[i] += vector[i];
    const float* best = nullptr;
    float bestScore = 0;
    for (size_t link = 1; link <= Layers::listSize(links); link++) {
      const float* vector = layers_.vectorOf(links[link]);
      if (vector == nullptr) continue;
      const float score = roughProduct(middle.data(), vector, dimension);
      if (best == nullptr || score > bestScore) std::tie(best, bestScore) = std::make_tuple(vector, score);
    }
    return best;
  }

  const std::shared_ptr<Rows> rows_;
  Layers layers_;
  Twins twins_;
  bool settled_ = true;
  /** Fingerprints of the nodes that were taken, until the graph is settled. */
  std::vector<uint32_t> fingerprints_;
};
