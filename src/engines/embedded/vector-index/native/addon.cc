/**
 * The JavaScript interface of rows, codes and graphs. Every argument is checked here, and an invalid one is a JavaScript
 * error: no call may end the process or touch memory that is not its own. Two builds of this file are installed, see ADR 0018.
 */
#include <napi.h>
#include "codes.h"
#include "graph.h"
#include "rows.h"

namespace {

/** @throws Napi::TypeError unless the argument is a typed array of that type */
template <typename Array>
Array arrayAt(const Napi::CallbackInfo& info, size_t index, napi_typedarray_type type) {
  if (!info[index].IsTypedArray() || info[index].As<Napi::TypedArray>().TypedArrayType() != type)
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(index) + " has the wrong type");
  return info[index].As<Array>();
}

Napi::Float32Array floatsAt(const Napi::CallbackInfo& info, size_t index) {
  return arrayAt<Napi::Float32Array>(info, index, napi_float32_array);
}

Napi::Uint32Array wordsAt(const Napi::CallbackInfo& info, size_t index) {
  return arrayAt<Napi::Uint32Array>(info, index, napi_uint32_array);
}

Napi::Float64Array doublesAt(const Napi::CallbackInfo& info, size_t index) {
  return arrayAt<Napi::Float64Array>(info, index, napi_float64_array);
}

/** @throws Napi::RangeError unless the argument is an integer from `least` to 2³² − 1 */
uint32_t numberAt(const Napi::CallbackInfo& info, size_t index, double least = 0) {
  const double value = info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : -1;
  if (!(value >= least && value <= UINT32_MAX) || value != static_cast<uint32_t>(value))
    throw Napi::RangeError::New(info.Env(), "argument " + std::to_string(index) + " is out of range");
  return static_cast<uint32_t>(value);
}

void require(const Napi::CallbackInfo& info, bool holds, const char* what) {
  if (!holds) throw Napi::RangeError::New(info.Env(), what);
}

}  // namespace

class RowsObject : public Napi::ObjectWrap<RowsObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Rows",
                       {InstanceMethod<&RowsObject::addBlock>("addBlock"), InstanceMethod<&RowsObject::products>("products"),
                        InstanceMethod<&RowsObject::productsOf>("productsOf")});
  }

  /** (dimension, rows per block) */
  explicit RowsObject(const Napi::CallbackInfo& info)
      : ObjectWrap(info), rows(std::make_shared<Rows>(numberAt(info, 0, 1), numberAt(info, 1, 1))) {}

  const std::shared_ptr<Rows> rows;

 private:
  /** () → the values of the next rows */
  Napi::Value addBlock(const Napi::CallbackInfo& info) {
    const size_t size = rows->perBlock * rows->dimension;
    // JavaScript shares ownership of the block, so it exists until both sides have released it.
    auto* held = new Rows::Block(rows->addBlock());
    auto buffer = Napi::ArrayBuffer::New(
        info.Env(), held->get(), size * sizeof(float), [](Napi::Env, void*, Rows::Block* block) { delete block; }, held);
    return Napi::Float32Array::New(info.Env(), size, buffer, 0);
  }

  /** (query, first row, out): exact products with as many rows as `out` is long */
  void products(const Napi::CallbackInfo& info) {
    const auto query = floatsAt(info, 0);
    const size_t first = numberAt(info, 1);
    auto out = doublesAt(info, 2);
    require(info, query.ElementLength() == rows->dimension, "the query has another dimension");
    require(info, first + out.ElementLength() <= rows->size(), "there are no such rows");
    rows->products(query.Data(), out.ElementLength(), [first](size_t i) { return first + i; }, out.Data());
  }

  /** (query, rows, out): exact products with the first rows given, as many as `out` is long */
  void productsOf(const Napi::CallbackInfo& info) {
    const auto query = floatsAt(info, 0);
    const auto wanted = wordsAt(info, 1);
    auto out = doublesAt(info, 2);
    require(info, query.ElementLength() == rows->dimension, "the query has another dimension");
    require(info, out.ElementLength() <= wanted.ElementLength(), "there are fewer rows than results");
    const uint32_t* wantedRows = wanted.Data();
    for (size_t i = 0; i < out.ElementLength(); i++) require(info, wantedRows[i] < rows->size(), "there is no such row");
    rows->products(query.Data(), out.ElementLength(), [wantedRows](size_t i) { return wantedRows[i]; }, out.Data());
  }
};

/** The classes of one thread; the references keep their constructors alive. */
struct Classes {
  Napi::FunctionReference rows, codes, graph;
};

/** @throws Napi::TypeError unless the first argument is a Rows */
std::shared_ptr<Rows> rowsOf(const Napi::CallbackInfo& info) {
  const auto& classes = *info.Env().GetInstanceData<Classes>();
  if (!info[0].IsObject() || !info[0].As<Napi::Object>().InstanceOf(classes.rows.Value()))
    throw Napi::TypeError::New(info.Env(), "argument 0 is no Rows");
  return RowsObject::Unwrap(info[0].As<Napi::Object>())->rows;
}

class CodesObject : public Napi::ObjectWrap<CodesObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Codes",
                       {InstanceAccessor<&CodesObject::size>("size"), InstanceMethod<&CodesObject::has>("has"),
                        InstanceMethod<&CodesObject::set>("set"), InstanceMethod<&CodesObject::clear>("clear"),
                        InstanceMethod<&CodesObject::clearAll>("clearAll"), InstanceMethod<&CodesObject::ask>("ask"),
                        InstanceMethod<&CodesObject::estimates>("estimates")});
  }

  /** (rows) */
  explicit CodesObject(const Napi::CallbackInfo& info) : ObjectWrap(info), rows_(rowsOf(info)), codes_(rows_) {}

 private:
  Napi::Value size(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), codes_.size()); }

  /** (row) */
  Napi::Value has(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), codes_.has(numberAt(info, 0)));
  }

  /** (row) */
  void set(const Napi::CallbackInfo& info) {
    const size_t row = numberAt(info, 0);
    require(info, row < rows_->size(), "there is no such row");
    codes_.set(row);
  }

  /** (row) */
  void clear(const Napi::CallbackInfo& info) { codes_.clear(numberAt(info, 0)); }

  void clearAll(const Napi::CallbackInfo&) { codes_.clearAll(); }

  /** (query), for the estimates that follow */
  void ask(const Napi::CallbackInfo& info) {
    const auto query = floatsAt(info, 0);
    require(info, query.ElementLength() == rows_->dimension, "the query has another dimension");
    codes_.ask(query.Data());
    asked_ = true;
  }

  /** (first row, out): estimates of as many rows as `out` is long */
  void estimates(const Napi::CallbackInfo& info) {
    const size_t first = numberAt(info, 0);
    auto out = floatsAt(info, 1);
    require(info, asked_, "nothing was asked");
    for (size_t i = 0; i < out.ElementLength(); i++) out.Data()[i] = codes_.estimate(first + i);
  }

  const std::shared_ptr<Rows> rows_;
  Codes codes_;
  bool asked_ = false;
};

class GraphObject : public Napi::ObjectWrap<GraphObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Graph",
                       {InstanceAccessor<&GraphObject::count>("count"), InstanceMethod<&GraphObject::insert>("insert"),
                        InstanceMethod<&GraphObject::search>("search"), InstanceMethod<&GraphObject::slots>("slots"),
                        InstanceMethod<&GraphObject::nodes>("nodes"),
                        InstanceMethod<&GraphObject::take>("take"), InstanceMethod<&GraphObject::check>("check"),
                        InstanceMethod<&GraphObject::attach>("attach"),
                        InstanceMethod<&GraphObject::settle>("settle"), InstanceMethod<&GraphObject::release>("release")});
  }

  /** (rows, m, efConstruction, capacity) */
  explicit GraphObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const auto rows = rowsOf(info);
    dimension_ = rows->dimension;
    const uint32_t m = numberAt(info, 1, 2), efConstruction = numberAt(info, 2, 1), capacity = numberAt(info, 3);
    require(info, m <= 1000, "m is out of range");
    graph_ = std::make_unique<Graph>(rows, Layers::Settings{m, efConstruction, capacity});
  }

 private:
  Napi::Value count(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), graph(info).count()); }

  /** (slot, row) */
  void insert(const Napi::CallbackInfo& info) { graph(info).insert(numberAt(info, 0), numberAt(info, 1)); }

  /** (query, ef, slots, scores) → how many were found, at most as many as `slots` holds */
  Napi::Value search(const Napi::CallbackInfo& info) {
    const auto query = floatsAt(info, 0);
    const uint32_t ef = numberAt(info, 1, 1);
    auto slots = wordsAt(info, 2);
    auto scores = floatsAt(info, 3);
    require(info, query.ElementLength() == dimension_, "the query has another dimension");
    require(info, slots.ElementLength() == scores.ElementLength(), "slots and scores differ in length");
    const size_t found = graph(info).search(query.Data(), ef, slots.Data(), scores.Data(), slots.ElementLength());
    return Napi::Number::New(info.Env(), found);
  }

  /** () → all slots */
  Napi::Value slots(const Napi::CallbackInfo& info) {
    const Graph& of = graph(info);
    auto out = Napi::Uint32Array::New(info.Env(), of.count());
    for (size_t i = 0; i < of.count(); i++) out.Data()[i] = of.slotAt(i);
    return out;
  }

  /** (from, to) → those slots in words */
  Napi::Value nodes(const Napi::CallbackInfo& info) {
    const uint32_t from = numberAt(info, 0), to = numberAt(info, 1);
    require(info, to <= graph(info).count(), "there are no such nodes");
    std::vector<uint32_t> words;
    graph(info).nodes(from, to, words);
    auto out = Napi::Uint32Array::New(info.Env(), words.size());
    std::copy(words.begin(), words.end(), out.Data());
    return out;
  }

  /** (words of whole slots, slots of the whole graph) */
  void take(const Napi::CallbackInfo& info) {
    const auto words = wordsAt(info, 0);
    graph(info).take(words.Data(), words.ElementLength(), numberAt(info, 1));
  }

  /** (slot, row) → whether the vector is the one the node was linked with */
  Napi::Value attach(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), graph(info).attach(numberAt(info, 0), numberAt(info, 1)));
  }

  /** (slots that it must have) */
  void check(const Napi::CallbackInfo& info) { graph(info).check(numberAt(info, 0)); }

  void settle(const Napi::CallbackInfo& info) { graph(info).settle(); }

  /** Frees the memory now; any further call is an error. */
  void release(const Napi::CallbackInfo&) { graph_.reset(); }

  Graph& graph(const Napi::CallbackInfo& info) {
    if (graph_ == nullptr) throw Napi::Error::New(info.Env(), "the graph was released");
    return *graph_;
  }

  size_t dimension_;
  std::unique_ptr<Graph> graph_;
};

Napi::Object start(Napi::Env env, Napi::Object exports) {
  const auto rows = RowsObject::define(env), codes = CodesObject::define(env), graph = GraphObject::define(env);
  env.SetInstanceData(new Classes{Napi::Persistent(rows), Napi::Persistent(codes), Napi::Persistent(graph)});
  exports.Set("Rows", rows);
  exports.Set("Codes", codes);
  exports.Set("Graph", graph);
  return exports;
}

NODE_API_MODULE(alike, start)
