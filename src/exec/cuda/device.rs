//! One GPU: a stream of its own, memory by the piece, tapes made ready, played, and captured as a
//! graph that is replayed with one call.

use super::super::ExecError;
use super::compile::{Compiler, Compiling};
use super::cublaslt::{CublasLt, Ready, WORKSPACE};
use super::kernels::elementwise;
use super::library::Library;
use super::tape::{Arg, Command, Launch, Pointer, Tape, Unit};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaGraph, CudaModule, CudaStream, DriverError, PinnedHostSlice,
    result, sys,
};
use cudarc::nvrtc::Ptx;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A GPU, ready to play tapes.
pub struct Device {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    compiler: Compiler,
    modules: Mutex<HashMap<Unit, Arc<CudaModule>>>,
    products: CublasLt,
    held: Arc<Held>,
    _workspace: Memory,
}

/// A piece of a device's memory, given back when it is dropped.
pub struct Memory {
    context: Arc<CudaContext>,
    held: Arc<Held>,
    at: Pointer,
    bytes: usize,
}

/// Bytes of a device's memory in our pieces: now, and at most up to now.
#[derive(Default)]
struct Held {
    now: AtomicU64,
    peak: AtomicU64,
}

/// What a GPU says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub name: String,
    /// Compute capability.
    pub capability: (i32, i32),
    /// Bytes.
    pub memory: u64,
    /// Bytes nobody uses now.
    pub free: u64,
}

fn said(what: &'static str) -> impl Fn(DriverError) -> ExecError {
    move |error| ExecError(format!("CUDA, {what}: {error}"))
}

/// How many GPUs there are.
pub fn count() -> Result<usize, ExecError> {
    Library::Driver.find()?;
    let count = CudaContext::device_count().map_err(said("counting devices"))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// A kernel of a module that was loaded.
fn function(
    modules: &HashMap<Unit, Arc<CudaModule>>,
    launch: &Launch,
) -> Result<CudaFunction, ExecError> {
    let module = modules.get(&launch.unit);
    let module = module.ok_or_else(|| ExecError(format!("{} was not loaded", launch.entry)))?;
    let function = module.load_function(launch.entry).map_err(said("a kernel"))?;
    // Asked something, the driver loads it now and not in a capture.
    function.num_regs().map_err(said("a kernel"))?;
    Ok(function)
}

/// The primary context of GPU `ordinal`, current. It stays until the program ends: cuBLASLt keeps what it
/// loads by context, and does not learn that one was destroyed.
fn context(ordinal: usize) -> Result<Arc<CudaContext>, ExecError> {
    static CONTEXTS: Mutex<BTreeMap<usize, Arc<CudaContext>>> = Mutex::new(BTreeMap::new());
    Library::Driver.find()?;
    let mut contexts = CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(context) = contexts.get(&ordinal) {
        context.bind_to_thread().map_err(said("a context"))?;
        return Ok(context.clone());
    }
    let context = CudaContext::new(ordinal).map_err(said("opening a device"))?;
    Ok(contexts.entry(ordinal).or_insert(context).clone())
}

/// What GPU `ordinal` says of itself.
pub fn facts(ordinal: usize) -> Result<Facts, ExecError> {
    let context = context(ordinal)?;
    let read = || {
        let (free, memory) = context.mem_get_info()?;
        let (memory, free) = (memory as u64, free as u64);
        Ok(Facts { name: context.name()?, capability: context.compute_capability()?, memory, free })
    };
    read().map_err(said("asking a device"))
}

impl Device {
    /// Opens GPU `ordinal`.
    pub fn open(ordinal: usize, compiling: Compiling) -> Result<Arc<Device>, ExecError> {
        let context = context(ordinal)?;
        // SAFETY: everything runs on one stream, in order: there is nothing to track.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(said("a stream"))?;
        let (major, minor) = context.compute_capability().map_err(said("asking a device"))?;
        let architecture = u32::try_from(10 * major + minor).unwrap_or(0);
        if architecture < 80 {
            let message = format!("GPU {ordinal} has compute capability {major}.{minor}");
            return Err(ExecError(format!("{message}; 8.0 or later is needed")));
        }
        let held = Arc::<Held>::default();
        let workspace = Memory::new(&context, &held, WORKSPACE)?;
        let products = CublasLt::new(workspace.at)?;
        let compiler = Compiler::new(architecture, compiling)?;
        let modules = Mutex::default();
        Ok(Arc::new(Device {
            context,
            stream,
            compiler,
            modules,
            products,
            held,
            _workspace: workspace,
        }))
    }

    fn bind(&self) -> Result<(), ExecError> {
        self.context.bind_to_thread().map_err(said("a context"))
    }

    /// Compiles what a tape needs and chooses how its products are computed.
    fn ready(self: &Arc<Device>, tape: &Tape) -> Result<Played, ExecError> {
        self.bind()?;
        let (tape, ready) = self.products(tape)?;
        let mut ready = ready.into_iter();
        self.load(&tape.units())?;
        let modules = self.modules.lock().map_err(|_| ExecError("a thread stopped".into()))?;
        let mut functions: HashMap<(&Unit, &str), CudaFunction> = HashMap::new();
        let mut steps = Vec::with_capacity(tape.commands.len());
        for command in &tape.commands {
            steps.push(match command {
                Command::Product(_) => {
                    let none = || ExecError("a product was not made ready".into());
                    Step::Product(ready.next().ok_or_else(none)?)
                }
                Command::Launch(launch) => {
                    let key = (&launch.unit, launch.entry);
                    let function = match functions.entry(key) {
                        Entry::Occupied(entry) => entry.into_mut(),
                        Entry::Vacant(entry) => entry.insert(function(&modules, launch)?),
                    };
                    Step::Launch(launch.clone(), function.clone())
                }
            });
        }
        Ok(Played { device: self.clone(), steps })
    }

    /// How the products of a tape are computed, in order; and the tape with a kernel of ours behind
    /// each whose bias the library does not add.
    fn products(&self, tape: &Tape) -> Result<(Tape, Vec<Ready>), ExecError> {
        let (mut whole, mut all) = (Tape::new(tape.precision), Vec::new());
        for command in &tape.commands {
            whole.commands.push(command.clone());
            let Command::Product(product) = command else { continue };
            let (ready, left) = self.products.ready(product, tape.precision)?;
            all.push(ready);
            if let Some(bias) = left {
                elementwise::bias(&mut whole, bias, product.d, product.m, product.n);
            }
        }
        Ok((whole, all))
    }

    /// Compiles and loads units that are not loaded yet.
    fn load(&self, units: &[Unit]) -> Result<(), ExecError> {
        let mut modules = self.modules.lock().map_err(|_| ExecError("a thread stopped".into()))?;
        let fresh: Vec<Unit> =
            units.iter().filter(|unit| !modules.contains_key(*unit)).cloned().collect();
        let codes = self.compiler.compile_all(&fresh)?;
        for (unit, code) in fresh.into_iter().zip(codes) {
            let loaded = self.context.load_module(Ptx::from_binary(code));
            modules.insert(unit, loaded.map_err(said("loading a kernel"))?);
        }
        Ok(())
    }
}

impl Memory {
    fn new(
        context: &Arc<CudaContext>,
        held: &Arc<Held>,
        bytes: usize,
    ) -> Result<Memory, ExecError> {
        context.bind_to_thread().map_err(said("a context"))?;
        // SAFETY: the driver is there and the context current.
        let at = unsafe { result::malloc_sync(bytes.max(1)) }
            .map_err(|error| ExecError(format!("CUDA, {bytes} bytes of memory: {error}")))?;
        let now = held.now.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        held.peak.fetch_max(now, Ordering::Relaxed);
        let (context, held) = (context.clone(), held.clone());
        Ok(Memory { context, held, at: Pointer(at), bytes })
    }

    pub fn at(&self) -> Pointer {
        self.at
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.held.now.fetch_sub(self.bytes as u64, Ordering::Relaxed);
        if self.context.bind_to_thread().is_ok() {
            // SAFETY: it came from `malloc_sync` and is given back once.
            let _ = unsafe { result::free_sync(self.at.0) };
        }
    }
}

/// Pinned memory of the host, and where on the device it goes.
pub struct Staging {
    pinned: PinnedHostSlice<u8>,
    at: Pointer,
}

/// Pieces of memory and tapes, one after the other, in the order they are given.
impl Device {
    /// A piece of memory, its contents arbitrary, given back when it is dropped.
    pub fn memory(&self, bytes: usize) -> Result<Memory, ExecError> {
        Memory::new(&self.context, &self.held, bytes)
    }

    /// Bytes that nobody uses now.
    pub fn free(&self) -> Result<u64, ExecError> {
        let (free, _) = self.context.mem_get_info().map_err(said("asking a device"))?;
        Ok(free as u64)
    }

    /// The most bytes that were ours at once. The driver's own are not counted.
    pub fn peak(&self) -> u64 {
        self.held.peak.load(Ordering::Relaxed)
    }

    /// Copies bytes there, behind what is to be played, and waits for it.
    ///
    /// # Safety
    /// So many bytes must lie at `at`.
    pub unsafe fn write(&self, at: Pointer, bytes: &[u8]) -> Result<(), ExecError> {
        self.bind()?;
        // SAFETY: the caller's word; the bytes outlive the copy, which is waited for.
        unsafe { result::memcpy_htod_async(at.0, bytes, self.stream.cu_stream()) }
            .map_err(said("copying to the device"))?;
        self.wait()
    }

    /// Copies bytes from there, behind what is to be played, and waits for it.
    ///
    /// # Safety
    /// So many bytes must lie at `at`.
    pub unsafe fn read(&self, at: Pointer, bytes: &mut [u8]) -> Result<(), ExecError> {
        self.bind()?;
        // SAFETY: as in `write`.
        unsafe { result::memcpy_dtoh_async(bytes, at.0, self.stream.cu_stream()) }
            .map_err(said("copying from the device"))?;
        self.wait()
    }

    /// A way for at most so many bytes to `at`, time and again.
    pub fn way(&self, at: Pointer, bytes: usize) -> Result<Staging, ExecError> {
        // SAFETY: every byte is written before it is read.
        let pinned = unsafe { self.context.alloc_pinned(bytes.max(1)) };
        Ok(Staging { pinned: pinned.map_err(said("pinned memory"))?, at })
    }

    /// Sends bytes on their way, ahead of what is played next. Nothing may be on this way: read
    /// something between two sendings.
    pub fn send(&self, way: &mut Staging, bytes: &[u8]) -> Result<(), ExecError> {
        let slice = way.pinned.as_mut_slice().map_err(said("pinned memory"))?;
        let Some(part) = slice.get_mut(..bytes.len()) else {
            return Err(ExecError(format!("{} bytes do not fit the staging memory", bytes.len())));
        };
        if bytes.is_empty() {
            return Ok(());
        }
        part.copy_from_slice(bytes);
        self.bind()?;
        // SAFETY: the staging memory lives on, and is not touched before the device was waited for.
        unsafe { result::memcpy_htod_async(way.at.0, part, self.stream.cu_stream()) }
            .map_err(said("copying to the device"))
    }

    /// Records a tape, so many times over, as one graph. Its products may be computed meanwhile.
    ///
    /// # Safety
    /// The addresses on the tape must be pieces of this memory, as large as the launchers say, for as
    /// long as it is replayed; what products leave there must be worth nothing.
    pub unsafe fn record(
        self: &Arc<Device>,
        tape: &Tape,
        times: usize,
    ) -> Result<Captured, ExecError> {
        let played = self.ready(tape)?;
        // SAFETY: the caller's word.
        unsafe {
            played.warm_up()?;
            played.capture(times)
        }
    }

    /// Plays what was recorded, without waiting for it.
    pub fn replay(&self, recorded: &Captured) -> Result<(), ExecError> {
        self.bind()?;
        recorded.graph.launch().map_err(said("replaying"))
    }

    /// Plays it and waits; how long it took.
    pub fn time(&self, recorded: &Captured) -> Result<Duration, ExecError> {
        self.wait()?;
        let clock = || {
            let flags = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
            self.context.new_event(flags).map_err(said("an event"))
        };
        let [begin, end] = [clock()?, clock()?];
        begin.record(&self.stream).map_err(said("an event"))?;
        self.replay(recorded)?;
        end.record(&self.stream).map_err(said("an event"))?;
        self.wait()?;
        let milliseconds = begin.elapsed_ms(&end).map_err(said("an event"))?;
        Ok(Duration::from_secs_f64(f64::from(milliseconds.max(0.0)) / 1e3))
    }

    /// Waits until everything is done.
    pub fn wait(&self) -> Result<(), ExecError> {
        self.stream.synchronize().map_err(said("waiting"))
    }
}

enum Step {
    Launch(Launch, CudaFunction),
    Product(Ready),
}

/// A tape made ready for a device.
struct Played {
    device: Arc<Device>,
    steps: Vec<Step>,
}

impl Played {
    /// Does everything, in order, without waiting for it.
    ///
    /// # Safety
    /// The addresses on the tape must be pieces of this device's memory, as large as the launchers
    /// say.
    unsafe fn play(&self) -> Result<(), ExecError> {
        self.device.bind()?;
        let stream = self.device.stream.cu_stream();
        for step in &self.steps {
            // SAFETY: the caller's word.
            unsafe {
                match step {
                    Step::Product(ready) => self.device.products.run(ready, stream.cast())?,
                    Step::Launch(launch, function) => {
                        let mut args: Vec<*mut c_void> =
                            launch.args.iter().map(|arg| Arg::address(arg).cast_mut()).collect();
                        let [x, y] = launch.grid;
                        result::launch_kernel(
                            function.cu_function(),
                            (x, y, 1),
                            (launch.block, 1, 1),
                            0,
                            stream,
                            &mut args,
                        )
                        .map_err(|error| ExecError(format!("CUDA, {}: {error}", launch.entry)))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Does the products alone, in order, and waits for them: what their library loads when it first
    /// computes one way or another should not be loaded in a capture. Results are worth nothing.
    ///
    /// # Safety
    /// As for `play`.
    unsafe fn warm_up(&self) -> Result<(), ExecError> {
        self.device.bind()?;
        let stream = self.device.stream.cu_stream();
        for step in &self.steps {
            if let Step::Product(ready) = step {
                // SAFETY: the caller's word.
                unsafe { self.device.products.run(ready, stream.cast()) }?;
            }
        }
        self.device.wait()
    }

    /// Records everything, so many times over, as one graph, which is then replayed with one call.
    ///
    /// # Safety
    /// The addresses on the tape must be pieces of this device's memory, as large as the launchers
    /// say, for as long as the graph is replayed.
    unsafe fn capture(self, times: usize) -> Result<Captured, ExecError> {
        // Relaxed: cuBLASLt may load code of its own in between.
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
        let stream = &self.device.stream;
        stream.begin_capture(mode).map_err(said("capturing"))?;
        // SAFETY: the caller's word.
        let played = (0..times).try_for_each(|_| unsafe { self.play() });
        let graph = stream.end_capture(sys::CUgraphInstantiate_flags(0)).map_err(said("capturing"));
        played?;
        match graph? {
            Some(graph) => Ok(Captured { graph, _played: self }),
            None => Err(ExecError("CUDA, capturing: nothing was recorded".into())),
        }
    }
}

/// A tape recorded as a graph.
pub struct Captured {
    graph: CudaGraph,
    /// What the graph calls stays.
    _played: Played,
}
