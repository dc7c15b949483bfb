import HTTPEdge
import Hummingbird

extension Routes {
    func addEvidence(to router: Router<EdgeContext>) {}
}
