/**
 * The nodes of an HNSW graph and the walks through its layers: hnswlib's tables, with the address of a row where hnswlib
 * would keep a copy of the vector.
 */
#pragma once
#include <algorithm>
#include <optional>
#include <queue>
#include "hnswlib/hnswlib.h"
#include "rows.h"

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

class Layers {
  using Hnsw = hnswlib::HierarchicalNSW<float>;

 public:
  using Node = hnswlib::tableint;
  /** Distance (1 − product) and node. */
  using Near = std::pair<float, Node>;

  struct Settings {
    size_t m, efConstruction, capacity;
  };

  Layers(size_t dimension, Settings settings)
      : dimension_(dimension),
        space_(dimension),
        hnsw_(&space_, std::max<size_t>(1, settings.capacity), settings.m, settings.efConstruction) {}

  size_t count() const { return hnsw_.cur_element_count; }
  size_t capacity() const { return hnsw_.max_elements_; }
  size_t linksMax(int layer) const { return layer == 0 ? hnsw_.maxM0_ : hnsw_.maxM_; }

  uint32_t slotOf(size_t node) const { return static_cast<uint32_t>(hnsw_.getExternalLabel(node)); }

  std::optional<Node> nodeOf(uint32_t slot) const {
    const auto node = hnsw_.label_lookup_.find(slot);
    return node == hnsw_.label_lookup_.end() ? std::nullopt : std::optional<Node>(node->second);
  }

  /** The highest layer that it is on. */
  int levelOf(size_t node) const { return hnsw_.element_levels_[node]; }

  /** Their number (`listSize`), then the links. */
  hnswlib::linklistsizeint* linksOf(size_t node, int layer) const { return hnsw_.get_linklist_at_level(node, layer); }

  static size_t listSize(const hnswlib::linklistsizeint* links) {
    return *reinterpret_cast<const unsigned short*>(links);
  }

  /** nullptr if it has none. */
  const float* vectorOf(size_t node) const {
    const float* vector;
    std::memcpy(&vector, hnsw_.getDataByInternalId(node), sizeof vector);
    return vector;
  }

  void setVector(Node node, const float* vector) {
    std::memcpy(hnsw_.getDataByInternalId(node), &vector, sizeof vector);
  }

  /** What hnswlib does for a new element, except linking it. The entry point is the first node of the highest level. */
  Node add(uint32_t slot, int level) {
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

  /** As hnswlib adds an element, except for the walk to the layer where linking begins. */
  Node link(uint32_t slot, const float* vector) {
    // Doubling the capacity would double the resident locks and tables; remapping pages is cheap enough for smaller steps.
    if (count() == capacity()) hnsw_.resizeIndex(count() + count() / 4 + 1024);
    const Top from = top();
    const Node node = add(slot, hnsw_.getRandomLevel(hnsw_.mult_));
    setVector(node, vector);
    if (node == 0) return node;
    const int level = levelOf(node);
    Node nearest = descend(vector, from, level, widthOfLinking).back().second;
    for (int layer = std::min(level, from.layer); layer >= 0; layer--) {
      auto candidates = hnsw_.searchBaseLayer(nearest, &vector, layer);
      nearest = hnsw_.mutuallyConnectNewElement(&vector, node, candidates, layer, false);
    }
    return node;
  }

  /** The nearest `ef` nodes that a search finds, farthest on top; there must be nodes. */
  std::priority_queue<Near> search(const float* query, size_t ef) {
    return candidates(query, ef, descend(query, top(), 0, widthOfSearch));
  }

 private:
  float distance(const float* query, Node node) const { return 1.0f - roughProduct(query, vectorOf(node), dimension_); }

  /** Where a walk through the layers begins. */
  struct Top {
    Node node;
    int layer;
  };

  Top top() const { return {hnsw_.enterpoint_node_, hnsw_.maxlevel_}; }

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

  const size_t dimension_;
  RowSpace space_;
  Hnsw hnsw_;
};
