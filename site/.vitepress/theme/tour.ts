/** Mounts the figures of the tour into its page, and takes them away when the reader goes on. */
import { defineComponent, onMounted, onUnmounted } from "vue";
import "../../tour/tour.css";

export const Tour: ReturnType<typeof defineComponent> = defineComponent({
  name: "TourFigures",
  setup() {
    let end: (() => void) | undefined;
    let gone = false;
    onMounted(async () => {
      const { mountTours } = await import("../../tour/tour.ts");
      if (!gone) end = mountTours(document);
    });
    onUnmounted(() => {
      gone = true;
      end?.();
    });
    return () => null;
  },
});
