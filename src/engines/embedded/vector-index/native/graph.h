/**
 * An HNSW graph over rows: hnswlib's, with the address of a row where hnswlib would keep a copy of the vector. A written
 * graph contains a fingerprint of the vector instead. Slots with equal vectors share a node (`twins.h`).
 *
 * A graph is read in three steps: its nodes arrive (`take`, then `check`), their vectors arrive (`attach`), and `settle`
 * makes it searchable. Everything read is checked before it is used: a damaged file causes an error, never a wild pointer.
 * Longer than other files because linking, searching, writing and reading share hnswlib's tables.
 */
#pragma once
#include <algorithm>
#include <queue>
#include <stdexcept>
#include <tuple>
#include "hnswlib/hnswlib.h"
#include "rows.h"
#include "twins.h"

class RowSpace : public hnswlib::SpaceInterface<float> {
 public:
  explicit RowSpace(size_t dimension) : dimension_(dimension) {}
  size_t get_data_size() override { return sizeof(const float*); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return &dimension_; }

 private:
  static float distance(const void* a, const void* b, const void* dimension) {
    const float *x, *y;  // copied, because hnswlib does not align what it stores
    std::memcpy(&x, a, sizeof x);
    std::memcpy(&y, b, sizeof y);
    return 1.0f - roughProduct(x, y, *static_cast<const size_t*>(dimension));
  }

  size_t dimension_;
};

class Graph {
  using Hnsw = hnswlib::HierarchicalNSW<float>;
  using Node = hnswlib::tableint;

 public:
  struct Settings {
    size_t m, efConstruction, capacity;
  };

  Graph(std::shared_ptr<Rows> rows, Settings settings)
      : rows_(std::move(rows)),
        space_(rows_->dimension),
        hnsw_(&space_, std::max<size_t>(1, settings.capacity), settings.m, settings.efConstruction) {}

  /** Slots: those with a node of their own, and their twins. */
  size_t count() const { return nodeCount() + twins_.size(); }

  /** @param index below `count` */
  uint32_t slotAt(size_t index) const {
    return index < nodeCount() ? slotOf(index) : twins_.at(index - nodeCount()).slot;
  }

  void insert(uint32_t slot, size_t row) {
    requireSettled();
    if (has(slot)) throw std::invalid_argument("the slot is in the graph");
    const float* vector = rowAt(row);
    const uint32_t print = fingerprint(vector, rows_->dimension);
    const auto node = twins_.alike(print);
    if (node && std::memcmp(vectorOf(*node), vector, rows_->dimension * sizeof(float)) == 0) {
      twins_.join(slot, *node);
      return;
    }
    // Doubling the capacity would double the resident locks and tables; remapping pages is cheap enough for smaller steps.
    if (nodeCount() == hnsw_.max_elements_) hnsw_.resizeIndex(nodeCount() + nodeCount() / 4 + 1024);
    twins_.know(print, link(slot, vector));
  }

  /** Nearest first. @returns how many were found, at most `count` */
  size_t search(const float* query, size_t ef, uint32_t* slots, float* scores, size_t count) {
    requireSettled();
    if (this->count() == 0) return 0;
    auto nearest = candidates(query, std::max(ef, count), descend(query, top(), 0, widthOfSearch));
    while (nearest.size() > count) nearest.pop();
    std::vector<Near> ranked(nearest.size());
    for (size_t i = ranked.size(); i-- > 0; nearest.pop()) ranked[i] = nearest.top();
    size_t found = 0;
    const auto add = [&](uint32_t slot, float to) {
      if (found == count) return;
      slots[found] = slot;
      scores[found++] = 1.0f - to;
    };
    for (const auto& [to, node] : ranked) {
      add(slotOf(node), to);
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
    for (size_t node = from; node < std::min(to, nodeCount()); node++) {
      const int level = hnsw_.element_levels_[node];
      out.push_back(slotOf(node));
      out.push_back(fingerprint(vectorOf(node), rows_->dimension));
      out.push_back(static_cast<uint32_t>(level));
      for (int layer = 0; layer <= level; layer++) {
        const auto* links = hnsw_.get_linklist_at_level(node, layer);
        out.insert(out.end(), links, links + 1 + listSize(links));
      }
    }
    for (size_t index = std::max(from, nodeCount()); index < to; index++) {
      const auto& twin = twins_.at(index - nodeCount());
      out.insert(out.end(), {twin.slot, twin.node, twinMark});
    }
  }

  /** Adds the next slots of a written graph of `total` slots, for which this graph must have room. */
  void take(const uint32_t* words, size_t size, size_t total) {
    if (total > hnsw_.max_elements_) throw std::invalid_argument("the graph is too small for its nodes");
    if (nodeCount() != fingerprints_.size()) throw std::logic_error("the graph has nodes of its own");
    settled_ = false;
    for (size_t at = 0; at < size;) {
      if (size - at < 3 || count() == total) throw std::invalid_argument("it does not end with its nodes");
      const uint32_t slot = words[at], level = words[at + 2];
      if (has(slot)) throw std::invalid_argument("a slot is there twice");
      if (level == twinMark) {
        if (words[at + 1] >= nodeCount()) throw std::invalid_argument("a twin has no node");
        twins_.join(slot, words[at + 1]);
        at += 3;
        continue;
      }
      if (level > maxLevel) throw std::invalid_argument("a node is impossible");
      fingerprints_.push_back(words[at + 1]);
      Node node = addNode(slot, static_cast<int>(level));
      twins_.know(fingerprints_.back(), node);
      at += 3;
      for (uint32_t layer = 0; layer <= level; layer++) {
        const uint32_t links = at < size ? words[at] : UINT32_MAX;
        if (links > (layer == 0 ? hnsw_.maxM0_ : hnsw_.maxM_) || size - at - 1 < links)
          throw std::invalid_argument("a node has too many links");
        for (uint32_t link = 1; link <= links; link++)
          if (words[at + link] >= total) throw std::invalid_argument("a link leads nowhere");
        std::memcpy(hnsw_.get_linklist_at_level(node, layer), words + at, (1 + links) * sizeof(uint32_t));
        at += 1 + links;
      }
    }
  }

  /** Ends `take`. @param total slots that the graph must have */
  void check(size_t total) const {
    if (count() != total) throw std::invalid_argument("nodes are missing");
    for (size_t node = 0; node < nodeCount(); node++)
      for (int layer = 0; layer <= hnsw_.element_levels_[node]; layer++) {
        const auto* links = hnsw_.get_linklist_at_level(node, layer);
        for (size_t link = 1; link <= listSize(links); link++)
          if (links[link] >= nodeCount() || hnsw_.element_levels_[links[link]] < layer)
            throw std::invalid_argument("a link leads to a missing node or layer");
      }
  }

  /** Assigns a vector to a slot that was taken. @returns whether its node was linked with this vector */
  bool attach(uint32_t slot, size_t row) {
    const auto own = hnsw_.label_lookup_.find(slot);
    const bool isTwin = own == hnsw_.label_lookup_.end();
    const auto node = isTwin ? twins_.nodeOf(slot) : std::optional<Node>(own->second);
    if (settled_ || !node) throw std::invalid_argument("the slot awaits no vector");
    const float* vector = rowAt(row);
    // the picture of the node itself may have been removed
    if (!isTwin || vectorOf(*node) == nullptr) setVector(*node, vector);
    return fingerprint(vector, rows_->dimension) == fingerprints_[*node];
  }

  /**
   * Makes the graph searchable. Searches still pass through nodes whose pictures were removed, so each gets a stand-in for
   * its vector: that of its most central neighbour.
   */
  void settle() {
    check(count());
    std::vector<Node> waiting;
    for (size_t node = 0; node < nodeCount(); node++)
      if (vectorOf(node) == nullptr) waiting.push_back(node);
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
        for (const Node node : left) setVector(node, rowAt(0));
        break;
      }
      for (const auto& [node, vector] : found) setVector(node, vector);
      waiting = std::move(left);
    }
    fingerprints_ = {};
    settled_ = true;
  }

 private:
  using Near = std::pair<float, Node>;

  size_t nodeCount() const { return hnsw_.cur_element_count; }

  uint32_t slotOf(size_t node) const { return static_cast<uint32_t>(hnsw_.getExternalLabel(node)); }

  bool has(uint32_t slot) const { return hnsw_.label_lookup_.count(slot) != 0 || twins_.nodeOf(slot).has_value(); }

  float distance(const float* query, Node node) const {
    return 1.0f - roughProduct(query, vectorOf(node), rows_->dimension);
  }

  /** Where a walk through the layers begins. */
  struct Top {
    Node node;
    int layer;
  };

  Top top() const { return {hnsw_.enterpoint_node_, hnsw_.maxlevel_}; }

  /** As hnswlib adds an element, except for the walk to the layer where linking begins. */
  Node link(uint32_t slot, const float* vector) {
    const Top from = top();
    const Node node = addNode(slot, hnsw_.getRandomLevel(hnsw_.mult_));
    setVector(node, vector);
    if (node == 0) return node;
    const int level = hnsw_.element_levels_[node];
    Node nearest = descend(vector, from, level, widthOfLinking).back().second;
    for (int layer = std::min(level, from.layer); layer >= 0; layer--) {
      auto candidates = hnsw_.searchBaseLayer(nearest, &vector, layer);
      nearest = hnsw_.mutuallyConnectNewElement(&vector, node, candidates, layer, false);
    }
    return node;
  }

  /** Walks from the top down to just above a layer. @returns the nearest nodes there, farthest first */
  std::vector<Near> descend(const float* query, Top from, int to, size_t width) {
    std::vector<Near> nearest{{distance(query, from.node), from.node}};
    for (int layer = from.layer; layer > to; layer--) nearest = nearestIn(layer, query, width, nearest);
    return nearest;
  }

  std::vector<Near> nearestIn(int layer, const float* query, size_t width, const std::vector<Near>& from) {
    std::priority_queue<Near> kept;
    std::priority_queue<Near, std::vector<Near>, std::greater<Near>> open;
    auto* visited = hnsw_.visited_list_pool_->getFreeVisitedList();
    for (const Near& near : from) {
      kept.push(near);
      open.push(near);
      visited->mass[near.second] = visited->curV;
    }
    while (!open.empty() && open.top().first <= kept.top().first) {
      const auto* links = hnsw_.get_linklist(open.top().second, layer);
      open.pop();
      for (size_t link = 1; link <= listSize(links); link++) {
        auto& mark = visited->mass[links[link]];
        if (mark == visited->curV) continue;
        mark = visited->curV;
        const float to = distance(query, links[link]);
        if (kept.size() == width && to >= kept.top().first) continue;
        open.emplace(to, links[link]);
        kept.emplace(to, links[link]);
        if (kept.size() > width) kept.pop();
      }
    }
    hnsw_.visited_list_pool_->releaseVisitedList(visited);
    std::vector<Near> nearest;
    for (; !kept.empty(); kept.pop()) nearest.push_back(kept.top());
    return nearest;
  }

  /**
   * hnswlib's search of the base layer, except that it prefetches vectors: hnswlib prefetches what is stored in the graph,
   * which here is only an address. @returns the nearest `ef`, farthest on top
   */
  std::priority_queue<Near> candidates(const float* query, size_t ef, const std::vector<Near>& from) {
    std::priority_queue<Near> kept;
    std::priority_queue<Near, std::vector<Near>, std::greater<Near>> open;
    auto* visited = hnsw_.visited_list_pool_->getFreeVisitedList();
    std::vector<Node> fresh;
    for (const Near& near : from) {
      kept.push(near);
      open.push(near);
      visited->mass[near.second] = visited->curV;
    }
    while (kept.size() > ef) kept.pop();
    while (!open.empty() && open.top().first <= kept.top().first) {
      const auto* links = hnsw_.get_linklist0(open.top().second);
      open.pop();
      fresh.clear();
      for (size_t link = 1; link <= listSize(links); link++) {
        auto& mark = visited->mass[links[link]];
        if (mark == visited->curV) continue;
        mark = visited->curV;
        fresh.push_back(links[link]);
        __builtin_prefetch(hnsw_.getDataByInternalId(links[link]));
      }
      for (const Node node : fresh)
        for (size_t line = 0; line < linesAhead; line++) __builtin_prefetch(vectorOf(node) + line * 16);
      for (const Node node : fresh) {
        const float to = distance(query, node);
        if (kept.size() == ef && to >= kept.top().first) continue;
        open.emplace(to, node);
        kept.emplace(to, node);
        if (kept.size() > ef) kept.pop();
      }
    }
    hnsw_.visited_list_pool_->releaseVisitedList(visited);
    return kept;
  }

  /**
   * Nodes that are kept on each upper layer. hnswlib keeps one, and ends in the wrong place where pictures lie in dense
   * groups that were stored one after another: those it links there are lost to later searches.
   */
  static constexpr size_t widthOfLinking = 32, widthOfSearch = 4;
  /** Cache lines of a vector that are prefetched; the processor recognises the sequence and fetches the rest. */
  static constexpr size_t linesAhead = 4;
  /** Each level has `m` times fewer nodes than the one below: 2³² nodes have at most 32 levels. */
  static constexpr uint32_t maxLevel = 32;
  /** In place of a level. */
  static constexpr uint32_t twinMark = UINT32_MAX;

  static size_t listSize(const hnswlib::linklistsizeint* links) {
    return *reinterpret_cast<const unsigned short*>(links);
  }

  const float* rowAt(size_t row) const {
    if (row >= rows_->size()) throw std::invalid_argument("there is no such row");
    return rows_->at(row);
  }

  void requireSettled() const {
    if (!settled_) throw std::logic_error("the graph is incomplete");
  }

  const float* vectorOf(size_t node) const {
    const float* vector;
    std::memcpy(&vector, hnsw_.getDataByInternalId(node), sizeof vector);
    return vector;
  }

  void setVector(Node node, const float* vector) {
    std::memcpy(hnsw_.getDataByInternalId(node), &vector, sizeof vector);
  }

  /** What hnswlib does for a new element, except linking it. The entry point is the first node of the highest level. */
  Node addNode(uint32_t slot, int level) {
    const Node node = hnsw_.cur_element_count;
    std::memset(hnsw_.get_linklist0(node), 0, hnsw_.size_data_per_element_);
    if (level > 0) {
      hnsw_.linkLists_[node] = static_cast<char*>(std::calloc(1, level * hnsw_.size_links_per_element_ + 1));
      if (hnsw_.linkLists_[node] == nullptr) throw std::bad_alloc();
    }
    hnsw_.element_levels_[node] = level;
    hnsw_.setExternalLabel(node, slot);
    hnsw_.cur_element_count = node + 1;  // from here on the destructor frees its links
    hnsw_.label_lookup_[slot] = node;
    if (level > hnsw_.maxlevel_) {
      hnsw_.maxlevel_ = level;
      hnsw_.enterpoint_node_ = node;
    }
    return node;
  }

  const float* standIn(Node node) const {
    const auto* links = hnsw_.get_linklist0(node);
    const size_t dimension = rows_->dimension;
    std::vector<float> middle(dimension);
    for (size_t link = 1; link <= listSize(links); link++)
      if (const float* vector = vectorOf(links[link]))
        for (size_t i = 0; i < dimension; i++) middle[i] += vector[i];
    const float* best = nullptr;
    float bestScore = 0;
    for (size_t link = 1; link <= listSize(links); link++) {
      const float* vector = vectorOf(links[link]);
      if (vector == nullptr) continue;
      const float score = roughProduct(middle.data(), vector, dimension);
      if (best == nullptr || score > bestScore) std::tie(best, bestScore) = std::make_tuple(vector, score);
    }
    return best;
  }

  const std::shared_ptr<Rows> rows_;
  RowSpace space_;
  Hnsw hnsw_;
  Twins twins_;
  bool settled_ = true;
  /** Fingerprints of the nodes that were taken, until the graph is settled. */
  std::vector<uint32_t> fingerprints_;
};
